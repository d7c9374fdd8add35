"""What a guest needs that was just started."""

from pathlib import Path

from nestlab.deadline import Deadline
from nestlab.events import Sink
from nestlab.hypervisor.qemu.disks import device
from nestlab.lab.disk import grow_root
from nestlab.lab.provision import provision
from nestlab.lab.wish import Wish
from nestlab.machine.protocol import Machine


async def furnish(
    wish: Wish, machine: Machine, evidence: Path, sink: Sink, *, deadline: Deadline
) -> None:
    """Its whole disk, and the user's packages, files and commands if it is new.

    Raises as `grow_root` and `provision` do.
    """
    if wish.warm is not None:
        return
    if wish.plan.disk and wish.plan.image.kernel is not None:
        await grow_root(machine, device(wish.plan, 1), deadline=deadline)
    if wish.fresh:
        log = evidence / "first-boot.log"
        await provision(machine, wish.spec, log, sink, deadline=deadline)
