"""How many hosts a second `nestlab doctor` surveys, and what bounds it.

.venv/bin/python benchmarks/survey_rate.py [TARGETS] [JOBS]

Every target is a name for one sshd on loopback, so this machine computes both ends. The same number
of bare `ssh HOST true` with OpenSSH's client, as many at a time, is the yardstick in the same run.
"""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "contract"))

from ssh_user import ssh_home
from sshd_world import running_sshd


def main() -> None:
    """Survey, then the yardstick."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    jobs = int(sys.argv[2]) if len(sys.argv) > 2 else 16
    program = shutil.which("sshd", path=os.environ["PATH"] + ":/usr/sbin")
    if program is None:
        sys.exit("there is no sshd; install openssh-server")
    hosts = [f"t{each}" for each in range(number)]
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        (base / "sshd").mkdir()
        with running_sshd(base / "sshd", program, "MaxStartups 500") as server:
            home = ssh_home(server, base / "home")
            environment = {**os.environ, "HOME": str(home)}
            nestlab = str(Path(sys.executable).with_name("nestlab"))
            began, used = time.monotonic(), _used()
            subprocess.run(
                [nestlab, "doctor", "--json", "--timeout", "120", "-j", str(jobs), *hosts],
                check=False,
                stdout=subprocess.DEVNULL,
                env=environment,
            )
            survey, controller = time.monotonic() - began, _used() - used
            began = time.monotonic()
            config = ("-F", str(home / ".ssh" / "config"), "-i", str(home / ".ssh" / "id_ed25519"))
            known = ("-o", f"UserKnownHostsFile={home / '.ssh' / 'known_hosts'}")
            with ThreadPoolExecutor(jobs) as pool:
                runs = [
                    pool.submit(subprocess.run, ["ssh", *config, *known, host, "true"], check=True)
                    for host in hosts
                ]
            bare = time.monotonic() - began
            for run in runs:
                run.result()
    print(f"survey of {number} targets, {jobs} at once: {survey:.1f} s, {number / survey:.1f}/s")
    each = controller / number * 1000
    print(f"of which nestlab itself computed {controller:.1f} s ({each:.0f} ms for each target)")
    print(f"bare `ssh HOST true`: {bare:.1f} s, {number / bare:.1f}/s; ratio {survey / bare:.2f}")


def _used() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
