"""Three hundred hosts behind a real sshd, some that are dead and one that never speaks."""

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ssh_user import ssh_home
from sshd_world import running_sshd

pytestmark = pytest.mark.slow

NUMBER = 300

# Prints the largest size in KiB of the program that it becomes the parent of.
_MEASURED = (
    "import resource, subprocess, sys; done = subprocess.run(sys.argv[1:]);"
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr);"
    "sys.exit(done.returncode)"
)


def doctor(home: Path, *words: str) -> tuple[list[dict[str, Any]], int]:
    """Its targets, and the most memory that it had in KiB."""
    done = subprocess.run(
        [sys.executable, "-c", _MEASURED, sys.executable, "-m", "nestlab", "doctor", *words],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "HOME": str(home), "NESTLAB_HOME": str(home / "nestlab")},
    )
    assert done.returncode in {0, 1}, done.stderr
    targets: list[dict[str, Any]] = json.loads(done.stdout)["targets"]
    return targets, int(done.stderr.splitlines()[-1])


def test_three_hundred_hosts(tmp_path: Path) -> None:
    program = shutil.which("sshd", path=os.environ["PATH"] + ":/usr/sbin")
    if program is None:
        pytest.skip("there is no sshd; install openssh-server")
    with (
        running_sshd(tmp_path, program, "MaxStartups 500") as server,
        socket.create_server(("127.0.0.1", 0)) as silent,
        socket.create_server(("127.0.0.1", 0)) as gone,
    ):
        home = ssh_home(server, tmp_path / "home")
        closed = gone.getsockname()[1]
        gone.close()
        few, small = doctor(home, "--json", "--no-probe", *(f"t{number}" for number in range(20)))
        hosts = [f"t{number}" for number in range(NUMBER)]
        bad = [f"silent:{silent.getsockname()[1]}", f"closed:{closed}"]
        found, large = doctor(home, "--json", "--no-probe", "--timeout", "20", *bad, *hosts)
    assert len(few) == 20
    answers = {each["target"]: each for each in found}
    assert len(answers) == len(found) == NUMBER + 2
    assert {host for host in hosts if answers[host]["facts"] is None} == set()
    assert [answers[name]["broken_link"] for name in bad] == ["machine.deadline", "ssh.unreachable"]
    for name in bad:
        assert answers[name]["verdict"].startswith("not ready: it could not be asked: ")
    # fifteen times the targets: what is kept of each is not even 32 KiB
    assert large - small < NUMBER * 32
