"""A root file system fills its disk: of one file system, or in the last partition of several."""

import asyncio
import dataclasses

import pytest

from nestlab.deadline import Deadline
from nestlab.errors import MachineError
from nestlab.lab.build.disk import fill_disk, unless_full
from nestlab.machine.fake import FakeMachine, answer
from nestlab.machine.protocol import Completed
from plan_examples import CLOUD, L1


def filled(told: str, growpart: int = 0, *, plan: object = CLOUD) -> list[tuple[str, ...]]:
    """What was run; `told` is what findmnt says of `/`."""

    def fine(_argv: tuple[str, ...], _stdin: bytes) -> Completed:
        return answer()

    def growing(_argv: tuple[str, ...], _stdin: bytes) -> Completed:
        return answer(status=growpart, stderr="NOCHANGE: partition 1 is size 1")

    machine = FakeMachine("l1", programs={
        "findmnt": lambda _argv, _stdin: answer(f"{told}\n"), "growpart": growing,
        "resize2fs": fine, "btrfs": fine, "xfs_growfs": fine,
    })  # fmt: skip
    asyncio.run(fill_disk(plan, machine, deadline=Deadline.after(5)))  # type: ignore[arg-type]
    return machine.ran


def test_a_disk_of_ours_is_one_file_system() -> None:
    assert filled("", plan=L1) == [("resize2fs", "/dev/nvme0n1")]
    virtio = dataclasses.replace(L1, storage="virtio")
    assert filled("", plan=virtio) == [("resize2fs", "/dev/vda")]


@pytest.mark.parametrize("growpart", [0, 1])
@pytest.mark.parametrize(
    ("told", "number", "last"),
    [
        ("/dev/vda1 ext4", "1", ("resize2fs", "/dev/vda1")),
        ("/dev/nvme0n1p2 ext4", "2", ("resize2fs", "/dev/nvme0n1p2")),
        ("/dev/vda4 xfs", "4", ("xfs_growfs", "/")),
        ("/dev/vda3[/root] btrfs", "3", ("btrfs", "filesystem", "resize", "max", "/")),
    ],
)
def test_a_partition_grows_first(
    told: str, number: str, last: tuple[str, ...], growpart: int
) -> None:
    """1: growpart has found nothing to do."""
    disk = "/dev/nvme0n1" if "nvme" in told else "/dev/vda"
    assert filled(told, growpart)[1:] == [("growpart", disk, number), last]


@pytest.mark.parametrize(
    ("told", "growpart", "note"),
    [
        ("/dev/mapper/rl-root xfs", 0, "no partition of a disk"),
        ("/dev/vda ext4", 0, "no partition of a disk"),
        ("/dev/vda1 zfs", 0, "its file system is zfs"),
        ("", 0, "its file system is unknown"),
        ("/dev/vda1 ext4", 2, "NOCHANGE"),
    ],
)
def test_what_cannot_grow_is_said(told: str, growpart: int, note: str) -> None:
    with pytest.raises(MachineError) as caught:
        filled(told, growpart)
    assert caught.value.code == "guest.disk-not-grown"
    assert any(note in line for line in caught.value.notes)


def judged(problem: MachineError, free: str) -> MachineError:
    table = f"Filesystem 1024-blocks Used Available Capacity Mounted\n/dev/vda 9 9 {free} 9% /\n"
    parent = FakeMachine("l0", programs={"df": lambda _argv, _stdin: answer(table)})
    return asyncio.run(unless_full(problem, parent, L1))


FULL = ("cat: write error: No space left on device",)


@pytest.mark.parametrize(
    ("code", "notes", "free", "is_full"),
    [
        ("guest.no-answer", (), "12", True),  # the guest hangs, as it cannot write
        ("guest.no-answer", (), "9999", False),
        ("guest.disk-failed", FULL, "9999", True),  # its files are gone by now
        ("libvirt.failed", FULL, "9999", True),
        ("guest.command-failed", FULL, "9999", False),  # the guest's own disk, or its own words
    ],
)
def test_a_full_disk_of_the_parent_is_told(
    code: str, notes: tuple[str, ...], free: str, is_full: bool
) -> None:
    problem = MachineError(code, "it did not come up", notes=notes)
    found = judged(problem, free)
    assert (found.code == "guest.disk-full") is is_full
    assert is_full or found is problem
    assert not is_full or found.notes == ("it did not come up", *notes)
