"""What started each machine of a lab, and could start another one like it."""

from collections.abc import Mapping

from nestlab.bench.jobs import Origin, Subject
from nestlab.hypervisor.qemu.twin import twin, why_no_twin
from nestlab.lab.record.running import Level
from nestlab.machine.path import parent_of


def origin(level: Level, subjects: Mapping[str, Subject]) -> Origin:
    """The parent and a twin of the machine, or why there is none.

    subjects  by path, those that are up
    """
    path, guest = level.machine.path, level.guest
    if guest is None:
        return Origin(why=f"nothing starts {path}: it is the host")
    parent = subjects.get(parent_of(path))
    if parent is None:
        return Origin(why=f"the parent of {path} is not up")
    if why := why_no_twin(guest.plan):
        return Origin(why=why)
    return Origin(parent, twin(guest.plan, firmware=guest.firmware))
