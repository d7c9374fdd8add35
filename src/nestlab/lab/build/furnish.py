"""What a guest needs that was just started."""

from pathlib import Path

from nestlab.deadline import Deadline
from nestlab.events import Sink
from nestlab.lab.build.disk import fill_disk
from nestlab.lab.build.provision import provision
from nestlab.lab.build.wish import Wish
from nestlab.machine.protocol import Machine


async def furnish(
    wish: Wish, machine: Machine, evidence: Path, sink: Sink, *, deadline: Deadline
) -> None:
    """Its whole disk, and the user's packages, files and commands if it is new.

    Raises as `fill_disk` and `provision` do.
    """
    if wish.warm is not None:
        return
    if wish.plan.disk and wish.plan.image.kernel is not None:  # else its cloud-init does that
        await fill_disk(wish.plan, machine, deadline=deadline)
    if wish.fresh:
        log = evidence / "first-boot.log"
        await provision(machine, wish.spec, log, sink, deadline=deadline)
