"""The network cards of a guest, as options of QEMU (pure)."""

from nestlab.hypervisor.plan import GuestPlan


def nic_options(plan: GuestPlan) -> tuple[str, ...]:
    """User-mode NAT; port 0 lets the kernel of the machine choose, so nothing can collide."""
    net = plan.network
    user = (
        f"user,id=net,ipv6=off,net={net.subnet},host={net.gateway},dns={net.resolver}"
        f",hostfwd=tcp:127.0.0.1:0-{net.guest.ip}:22"
    )
    return ("-netdev", user, "-device", "virtio-net-pci,netdev=net,romfile=")
