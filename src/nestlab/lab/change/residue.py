"""What a guest leaves beside its folder on its parent, taken away with it."""

from nestlab.deadline import Deadline
from nestlab.hypervisor.libvirt.tidy import tidy
from nestlab.lab.record.state import GuestRecord
from nestlab.machine.protocol import Machine


async def tidy_after(guest: GuestRecord, parent: Machine, *, deadline: Deadline) -> None:
    """Once its QEMU has ended. Raises MachineError `libvirt.failed`."""
    if guest.spec is not None and guest.spec.hypervisor == "libvirt":
        await tidy(parent, guest.identity, deadline=deadline)
