"""A lab of somebody who is not root: `hypervisor: libvirt` is then their own session."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from lab_user import User, labs_left
from leftovers import snapshot
from nestlab.image.store import Image
from nobody import AS_NOBODY, NOBODY

LAB = """\
name: session
guests:
  - {name: l1, hypervisor: libvirt, vcpus: 1, memory: 1GiB, disk: 12GiB}
"""

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture
def user(image: Image) -> Iterator[User]:
    """Nobody, with a home and a runtime folder of their own; they may read what root may."""
    with tempfile.TemporaryDirectory(prefix="session") as name:
        folder = Path(name)
        run = folder / "run"
        run.mkdir(mode=0o700)
        enter = (*AS_NOBODY, "env", f"XDG_RUNTIME_DIR={run}")
        user = User.in_folder(folder, LAB, enter)
        _with_its_own_images(folder / "home", image)
        folder.chmod(0o711)
        for each in (folder, *folder.rglob("*")):
            if each.is_dir():
                os.chown(each, NOBODY, NOBODY)
        before = snapshot()
        try:
            yield user
        finally:
            _end_daemons(run)
        assert snapshot() == before


def _with_its_own_images(home: Path, image: Image) -> None:
    """Their QEMU has no rights but theirs, so that it cannot reach root's folder."""
    (home / "cache").unlink()
    copy = home / "cache" / "images" / image.folder.name
    copy.mkdir(parents=True)
    for file in image.folder.iterdir():
        try:
            os.link(file, copy / file.name)
        except OSError:  # another file system
            shutil.copy2(file, copy / file.name)


def _end_daemons(run: Path) -> None:
    """virsh started them, and they would wait for two minutes."""
    for file in run.glob("libvirt/*.pid"):
        with suppress(ProcessLookupError, ValueError):
            os.kill(int(file.read_text()), signal.SIGTERM)


def session(user: User, *words: str) -> str:
    argv = (*user.enter, "virsh", "--quiet", "--connect", "qemu:///session", *words)
    done = subprocess.run(
        argv, check=True, capture_output=True, text=True, env=user.environment, cwd=user.folder
    )
    return done.stdout


def test_up_and_down_without_root(user: User) -> None:
    told = user.nestlab("up")
    assert told.returncode == 0, told.stderr.decode()
    assert user.states == {"l1": "running"}
    (pid,) = user.pids.values()
    assert Path(f"/proc/{pid}").stat().st_uid == NOBODY
    (name,) = session(user, "list", "--name").split()
    assert 'path="l1"' in session(user, "dumpxml", name)
    assert user.said("exec", "l1", "--", "id", "-un") == "root\n"
    user.said("grow", "l1", "--disk", "14GiB")
    assert user.pids == {"l1": pid}
    user.said("down")
    assert labs_left(user) == []
    assert session(user, "list", "--all", "--name").split() == []


def test_a_full_disk_is_told_and_leaves_nothing(user: User) -> None:
    """The lab's folder is where a libvirt of a person would have its pool."""
    state = user.folder / "home" / "state"
    state.mkdir()
    options = f"size=8m,mode=700,uid={NOBODY},gid={NOBODY}"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "full", state], check=True)
    try:
        done = user.nestlab("up")
        assert done.returncode == 4, done.stderr.decode()
        assert "error[guest.disk-full]: the disk of l0 is full" in done.stderr.decode()
        assert labs_left(user) == []
        assert session(user, "list", "--all", "--name").split() == []
    finally:
        subprocess.run(["umount", state], check=True)
