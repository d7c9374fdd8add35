"""What happens to labs: killed nestlabs, killed guests, full disks, clocks that jump."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab_user import User, labs_left
from leftovers import snapshot
from nestlab.image.store import Image

LAB = """\
name: faulty
guests:
  - name: l1
    memory: 2GiB
    guests:
      - {name: l2, memory: 512MiB, vcpus: 1}
"""
FILL = "fallocate -l $(($(stat -f -c '%f * %S' /) - (8 << 20))) /root/fill; sync"
WRITE_MUCH = ("if=/dev/urandom", "of=/root/much", "bs=1M", "count=200", "oflag=direct")
ALONE = "name: alone\nguests: [{name: l1, memory: 1GiB}]\n"


@pytest.fixture(autouse=True)
def nothing_left(image: Image, tmp_path: Path) -> Iterator[None]:
    before = snapshot()
    yield
    user = User(tmp_path)
    if user.labs.exists():
        # of a test that failed half-way: it would be a busy neighbour of all tests after it
        for lab in labs_left(user):
            user.nestlab("down", lab)
    assert snapshot() == before


def until(process: subprocess.Popen[str], stage: str) -> None:
    """Read its progress until a stage begins."""
    assert process.stderr
    seen = []
    for line in process.stderr:
        seen.append(line)
        if line.rstrip().endswith(f"] {stage}"):
            return
    pytest.fail(f"{stage!r} never came:\n{''.join(seen)}")


def killed_at(user: User, stage: str) -> None:
    with user.begins("up") as process:
        until(process, stage)
        process.kill()


@pytest.mark.parametrize("stage", ["l1: preparing", "l1: starting QEMU", "l1: logging in"])
def test_down_after_a_killed_up_leaves_nothing(tmp_path: Path, stage: str) -> None:
    user = User.in_folder(tmp_path, ALONE)
    killed_at(user, stage)
    user.said("down", "alone")
    assert labs_left(user) == []


def test_up_after_killed_ups_goes_on_where_they_were(tmp_path: Path) -> None:
    user = User.in_folder(tmp_path, LAB)
    killed_at(user, "l1: starting the kernel")
    with user.begins("up") as process:
        until(process, "l1: becoming a hypervisor")
        second = user.nestlab("up")
        assert second.returncode == 2
        assert b"lab.busy" in second.stderr
        assert f"kill {process.pid}".encode() in second.stderr
        until(process, "l1/l2: starting the kernel")
        process.kill()
    l1 = user.pids["l1"]
    (user.folder / "lab.yaml").write_text(LAB)
    with user.begins("up") as process:
        until(process, "l0: probing the accelerator")
        (user.folder / "lab.yaml").write_text("no lab: [")  # it has been read
        _, told = process.communicate()
    assert process.returncode == 0, told
    assert "l1: ok runs already" in told
    assert "l1/l2: rebuild, because it was never finished" in told
    assert user.pids["l1"] == l1
    assert user.states == {"l1": "running", "l1/l2": "running"}
    user.said("down")
    assert labs_left(user) == []


def test_guests_that_are_killed_are_told_and_come_back_with_their_disks(tmp_path: Path) -> None:
    user = User.in_folder(tmp_path, LAB)
    user.said("up")
    user.said("exec", "l1/l2", "--", "sh", "-c", "echo mine >/root/mine && sync")
    user.said("exec", "l1", "--", "pkill", "-KILL", "-f", "guest=nestlab")
    assert user.states == {"l1": "running", "l1/l2": "gone"}
    done = user.nestlab("up")
    assert b"l1/l2: start, because it does not run" in done.stderr, done.stderr.decode()
    assert b"lost" not in done.stderr, done.stderr.decode()
    assert user.said("exec", "l1/l2", "--", "cat", "/root/mine") == "mine\n"

    # the disk of L1 is full while L2 writes: L2 is told, and comes back once there is space
    user.said("exec", "l1", "--", "sh", "-c", FILL)
    done = user.nestlab("exec", "l1/l2", "--", "dd", *WRITE_MUCH)
    assert done.returncode == 1
    assert b"error" in done.stderr.lower()
    user.said("exec", "l1", "--", "rm", "/root/fill")
    user.said("reboot", "l1/l2")
    assert user.said("exec", "l1/l2", "--", "cat", "/root/mine") == "mine\n"

    user.said("exec", "l1", "--", "date", "-s", "next year")
    assert user.said("exec", "l1/l2", "--", "cat", "/root/mine") == "mine\n"
    user.said("exec", "l1", "--", "sync")

    l1 = user.pids["l1"]
    assert l1
    os.kill(l1, signal.SIGKILL)
    assert user.states == {"l1": "gone", "l1/l2": "gone"}
    done = user.nestlab("exec", "l1/l2", "--", "true")
    assert done.returncode == 4
    assert b"l1" in done.stderr
    assert b"hint:" in done.stderr
    user.said("up")
    assert user.said("exec", "l1/l2", "--", "cat", "/root/mine") == "mine\n"

    l1 = user.pids["l1"]
    assert l1
    os.kill(l1, signal.SIGKILL)
    user.said("down")
    assert labs_left(user) == []


def test_two_interrupts_end_with_a_clean_teardown(tmp_path: Path) -> None:
    user = User.in_folder(tmp_path, ALONE)
    with user.begins("up") as process:
        until(process, "l1: starting the kernel")
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
    assert labs_left(user) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 96 MiB on a loop device."""
    image, mount = tmp_path / "disk.img", tmp_path / "small"
    mount.mkdir()
    with image.open("wb") as file:
        file.truncate(96 << 20)
    subprocess.run(["mkfs.ext4", "-q", str(image)], check=True)
    subprocess.run(["mount", "-o", "loop", str(image), str(mount)], check=True)
    yield mount
    subprocess.run(["umount", str(mount)], check=True)


def test_a_full_disk_is_told_and_takes_nothing_along(tmp_path: Path, small_disk: Path) -> None:
    user = User.in_folder(tmp_path, ALONE)
    (user.folder / "home" / "state").symlink_to(small_disk)
    filler, free = small_disk / "filler", shutil.disk_usage(small_disk).free
    filler.write_bytes(bytes(free - (2 << 20)))
    done = user.nestlab("up", "--boot-timeout", "60")
    assert done.returncode in {3, 4, 6}, done.stderr
    assert b"No space left on device" in done.stderr or b"disk-full" in done.stderr
    filler.unlink()
    assert labs_left(user) == []

    user.said("up")
    done = user.nestlab("exec", "l1", "--", "dd", *WRITE_MUCH)
    assert done.returncode == 1
    assert b"error" in done.stderr.lower()
    user.said("down")
    assert labs_left(user) == []
    filler.unlink(missing_ok=True)
