"""The root disk of a guest, as the guest sees it."""

from nestlab.deadline import Deadline
from nestlab.errors import MachineError
from nestlab.machine.failures import last_lines
from nestlab.machine.protocol import Machine

_ROOT = "/dev/nvme0n1"


async def grow_root(machine: Machine, *, deadline: Deadline) -> None:
    """Let the mounted root file system fill its disk (resize2fs(8)); doing it twice is harmless.

    Raises MachineError `guest.disk-not-grown`.
    """
    done = await machine.run(("resize2fs", _ROOT), deadline=deadline)
    if not done.ok:
        raise MachineError(
            "guest.disk-not-grown",
            f"the root file system of {machine.path} does not fill its disk",
            where=f"{machine.path}, while growing its disk",
            notes=last_lines(done.stderr),
            hint="its kernel says why: `dmesg | tail` there",
        )
