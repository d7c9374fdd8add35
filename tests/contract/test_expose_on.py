"""`nestlab expose --on user@host`: somebody else's libvirt, over a real sshd."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from own_libvirtd import OwnLibvirtd, own_libvirtd
from ssh_user import ssh_home
from sshd_world import Sshd

XML = """<domain type='qemu'>
  <name>guest</name>
  <memory unit='MiB'>64</memory>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  <cpu><model>Haswell-noTSX-IBRS</model></cpu>
</domain>
"""


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[OwnLibvirtd]:
    """With one domain, which is off."""
    with (
        tempfile.TemporaryDirectory(prefix="lv") as folder,
        own_libvirtd(Path(folder), kvm=False) as started,
    ):
        (tmp_path / "guest.xml").write_text(XML)
        started.said("define", str(tmp_path / "guest.xml"))
        yield started


def test_a_guest_of_another_host(sshd: Sshd, daemon: OwnLibvirtd, tmp_path: Path) -> None:
    """Its backup is kept here, so that it can be undone from here."""
    environment = {**os.environ, "HOME": str(ssh_home(sshd, tmp_path))}
    environment.pop("SSH_AUTH_SOCK", None)
    environment["NESTLAB_HOME"] = str(tmp_path / "home")

    def expose(*words: str, host: str = "t1") -> subprocess.CompletedProcess[str]:
        argv = (sys.executable, "-m", "nestlab", "expose", "guest", "--on", host,
                "--connect", daemon.uri, "--feature", "svm", *words)  # fmt: skip
        return subprocess.run(
            argv, check=False, capture_output=True, text=True, env=environment,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip

    before = daemon.said("dumpxml", "--inactive", "guest")
    dry = expose("--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert "-    <model" in dry.stdout
    assert daemon.said("dumpxml", "--inactive", "guest") == before

    done = expose("--yes")
    assert done.returncode == 0, done.stderr
    assert "mode='maximum'" in daemon.said("dumpxml", "--inactive", "guest")
    assert len(list((tmp_path / "home" / "state" / "expose").glob("*.json"))) == 1, "no backup"

    undone = expose("--undo", "--yes")
    assert undone.returncode == 0, undone.stderr
    assert daemon.said("dumpxml", "--inactive", "guest") == before

    gone = expose("--dry-run", host="closed")
    assert gone.returncode == 4, gone.stderr
    assert "error[ssh." in gone.stderr
