"""The network cards of a guest, as options of QEMU (pure)."""

from collections.abc import Iterator

from nestlab.hypervisor.plan import GuestPlan
from nestlab.hypervisor.qemu.files import escape
from nestlab.hypervisor.qemu.passt import passt_socket
from nestlab.net.lan import Port


def nic_options(plan: GuestPlan) -> tuple[str, ...]:
    """First the guest's way out, then its ports on networks of the lab."""
    return (*_way_out(plan), *_ports(plan))


def _way_out(plan: GuestPlan) -> tuple[str, ...]:
    mtu = "" if plan.mtu is None else f"host_mtu={plan.mtu},"
    nat = _stream("net", passt_socket(plan)) if plan.nat == "passt" else _slirp(plan)
    return ("-netdev", nat, "-device", f"virtio-net-pci,netdev=net,{mtu}romfile=")


def _slirp(plan: GuestPlan) -> str:
    """User-mode NAT; port 0 lets the kernel of the machine choose, so nothing can collide."""
    net = plan.network
    return (
        f"user,id=net,ipv6=off,net={net.subnet},host={net.gateway},dns={net.resolver}"
        f",hostfwd=tcp:127.0.0.1:0-{net.guest.ip}:22"
    )


def _ports(plan: GuestPlan) -> Iterator[str]:
    """`host_mtu` keeps a guest from raising it; its init sets the same."""
    for number, port in enumerate(plan.ports):
        name = f"lan{number}"
        yield from ("-netdev", _netdev(name, port))
        device = f"virtio-net-pci,netdev={name},mac={port.mac},host_mtu={port.lan.mtu},romfile="
        yield from ("-device", device)


def _netdev(name: str, port: Port) -> str:
    """A bridge is entered by QEMU's own helper, which gives the tap the MTU of the bridge."""
    return _stream(name, port.uplink) if port.on_switch else f"bridge,id={name},br={port.uplink}"


def _stream(name: str, socket: str) -> str:
    return f"stream,id={name},server=off,addr.type=unix,addr.path={escape(socket)}"
