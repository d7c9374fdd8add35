"""The root disk of a guest: as the guest sees it, and as its parent does."""

import re

from nestlab.deadline import Deadline
from nestlab.errors import MachineError, NestlabError
from nestlab.hypervisor.plan import GuestPlan
from nestlab.hypervisor.qemu.disks import device
from nestlab.machine.failures import last_lines
from nestlab.machine.protocol import Machine
from nestlab.machine.shell import check

_SCARCE = 1024
"""KiB below which a disk is full: an overlay grows by 64 KiB, and its tables with it."""

_ASK = 20.0

_NO_SPACE = "No space left on device"
"""What the C library says of ENOSPC."""

_PARENTS = frozenset({"guest.disk-failed", "guest.launch-failed", "libvirt.failed"})
"""Errors whose notes are the words of programs on the parent, not of the guest."""


_GROWING = {
    "ext4": ("resize2fs", "{device}"),
    "ext3": ("resize2fs", "{device}"),
    "btrfs": ("btrfs", "filesystem", "resize", "max", "/"),
    "xfs": ("xfs_growfs", "/"),
}
"""Type of a mounted root file system -> what lets it fill its partition."""

_PARTITION = re.compile(r"(/dev/(?:[sv]d[a-z]+|nvme\d+n\d+(?=p)))p?(\d{1,3})", re.ASCII)

_NOTHING_TO_DO = 1
"""How growpart(1) says that the partition has all the space that there is."""


async def fill_disk(plan: GuestPlan, machine: Machine, *, deadline: Deadline) -> None:
    """Let the mounted root file system fill its disk; doing it twice is harmless.

    A disk of an image of ours is one file system, others have partitions.

    Raises MachineError `guest.disk-not-grown`.
    """
    if plan.image.kernel is not None:
        await _grow(machine, ("resize2fs", device(plan, 1)), deadline=deadline)
    else:
        await _fill_partition(machine, deadline=deadline)


async def _fill_partition(machine: Machine, *, deadline: Deadline) -> None:
    """The partition that the root file system is in, and then the file system."""
    argv = ("findmnt", "-nro", "SOURCE,FSTYPE", "/")
    told = await check(machine, argv, deadline=deadline, code="guest.disk-not-grown")
    source, _, kind = told.text.strip().partition(" ")
    partition = source.partition("[")[0]  # btrfs names the subvolume there
    if kind not in _GROWING:
        raise _not_grown(machine, f"its file system is {kind or 'unknown'}")
    match = _PARTITION.fullmatch(partition)
    if match is None:
        raise _not_grown(machine, f"it is on {partition}, which is no partition of a disk")
    larger = ("growpart", match[1], match[2])
    await _grow(machine, larger, deadline=deadline, fine=_NOTHING_TO_DO)
    words = (word.format(device=partition) for word in _GROWING[kind])
    await _grow(machine, tuple(words), deadline=deadline)


async def _grow(
    machine: Machine, argv: tuple[str, ...], *, deadline: Deadline, fine: int = 0
) -> None:
    done = await machine.run(argv, deadline=deadline)
    if done.status not in {0, fine}:
        raise _not_grown(machine, *last_lines(done.stderr))


def _not_grown(machine: Machine, *notes: str) -> MachineError:
    return MachineError(
        "guest.disk-not-grown",
        f"the root file system of {machine.path} does not fill its disk",
        where=f"{machine.path}, while growing its disk",
        notes=notes,
        hint="its kernel says why: `dmesg | tail` there",
    )


async def unless_full(problem: MachineError, parent: Machine, plan: GuestPlan) -> MachineError:
    """The error, or `guest.disk-full` when its parent has no space left for the guest's disk.

    The guest only sees that it cannot read or write. What was told may be over by now: a guest that
    does not come up is taken away, and with it what had filled the disk.
    """
    told = problem.code in _PARENTS and any(_NO_SPACE in note for note in problem.notes)
    if not told and not await _is_full(parent, plan):
        return problem
    return MachineError(
        "guest.disk-full",
        f"the disk of {parent.path} is full, so {plan.path} cannot write",
        where=f"{parent.path}, which has the disk of {plan.path} in {plan.folder}",
        log=problem.log,
        notes=(problem.message, *problem.notes),
        hint="free some space there, or set NESTLAB_HOME to a larger disk (l0), or give that"
        " machine a larger one: `nestlab grow`",
    )


async def _is_full(parent: Machine, plan: GuestPlan) -> bool:
    try:
        argv = ("df", "-Pk", "--", plan.folder)
        done = await parent.run(argv, deadline=Deadline.after(_ASK), limit=4096)
        return int(done.text.splitlines()[-1].split()[3]) < _SCARCE
    except (NestlabError, ValueError, IndexError):
        return False  # then it is something else that the parent has
