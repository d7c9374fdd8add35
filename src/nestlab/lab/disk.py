"""The root disk of a guest: as the guest sees it, and as its parent does."""

from nestlab.deadline import Deadline
from nestlab.errors import MachineError, NestlabError
from nestlab.hypervisor.plan import GuestPlan
from nestlab.machine.failures import last_lines
from nestlab.machine.protocol import Machine

_SCARCE = 1024
"""KiB below which a disk is full: an overlay grows by 64 KiB, and its tables with it."""

_ASK = 20.0


async def grow_root(machine: Machine, root: str, *, deadline: Deadline) -> None:
    """Let the mounted root file system fill its disk (resize2fs(8)); doing it twice is harmless.

    Raises MachineError `guest.disk-not-grown`.
    """
    done = await machine.run(("resize2fs", root), deadline=deadline)
    if not done.ok:
        raise MachineError(
            "guest.disk-not-grown",
            f"the root file system of {machine.path} does not fill its disk",
            where=f"{machine.path}, while growing its disk",
            notes=last_lines(done.stderr),
            hint="its kernel says why: `dmesg | tail` there",
        )


async def unless_full(problem: MachineError, parent: Machine, plan: GuestPlan) -> MachineError:
    """The error, or `guest.disk-full` when its parent has no space left for the guest's disk.

    The guest only sees that it cannot read or write.
    """
    try:
        argv = ("df", "-Pk", "--", plan.folder)
        done = await parent.run(argv, deadline=Deadline.after(_ASK), limit=4096)
        free = int(done.text.splitlines()[-1].split()[3])
    except (NestlabError, ValueError, IndexError):
        return problem  # whatever it is that the parent has
    if free >= _SCARCE:
        return problem
    return MachineError(
        "guest.disk-full",
        f"the disk of {parent.path} is full, so {plan.path} cannot write: {problem.message}",
        where=f"{parent.path}, which has the disk of {plan.path} in {plan.folder}",
        log=problem.log,
        notes=problem.notes,
        hint="free some space there, or set NESTLAB_HOME to a larger disk (l0), or give that"
        " machine a larger one: `nestlab grow`",
    )
