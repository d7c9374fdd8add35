"""libvirt's own network in a guest, moved away before a guest of that guest can be on it."""

from collections.abc import Iterable
from ipaddress import IPv4Network

from nestlab.deadline import Deadline
from nestlab.events import Notice, Sink
from nestlab.hypervisor.back_ends import BackEnds
from nestlab.hypervisor.protocol import Hypervisor

_SECONDS = 60.0


async def move_away(hypervisor: Hypervisor, taken: Iterable[IPv4Network], sink: Sink) -> None:
    """Move the network `default` of a guest's libvirt off what its ancestors route; says so.

    The user's own machine is never changed. Raises as `move_default` does.
    """
    path = hypervisor.machine.path
    if path == "l0" or not isinstance(hypervisor, BackEnds):
        return
    from nestlab.hypervisor.libvirt.network import move_default  # noqa: PLC0415  (lxml)

    virsh = hypervisor.libvirt.virsh(Deadline.after(_SECONDS))
    subnet = await move_default(virsh, taken)
    if subnet:
        sink(Notice(f"{path}: libvirt's network default would collide, and is {subnet} now"))
