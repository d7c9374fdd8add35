"""A lab with networks: two L1, a guest in one of them, and one in that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any

from nestlab.net.lan import Layout
from nestlab.net.layout import Wanted, lay_out
from nestlab.net.subnet import GuestNetwork


@dataclass(frozen=True)
class Net:
    """What a lab file says of a network."""

    subnet: IPv4Network | None = None
    ipv6: bool = True


LAB = "0a1b2c3d4e"
SOCKETS = f"/tmp/nestlab-{LAB}"
TREE: dict[str, tuple[str, ...]] = {
    "l1-0": ("tenant",),
    "l1-0/l2": ("storage", "tenant"),
    "l1-0/l2/l3": (),
    "l1-1": ("storage",),
    "l1-1/l2": (),
}
NETS: dict[str, Net] = {
    "storage": Net(),
    "tenant": Net(IPv4Network("10.97.10.0/24"), ipv6=False),
}
NAT = {path: GuestNetwork(IPv4Network(f"10.99.{number}.0/24")) for number, path in enumerate(TREE)}


def laid_out(
    tree: Mapping[str, Sequence[str]] | None = None,
    nets: Mapping[str, Wanted] | None = None,
    **changes: Any,
) -> Layout:
    """The layout of the example, or of another tree."""
    options: dict[str, Any] = {"taken": (), "mtu": 1500, "sockets": SOCKETS} | changes
    return lay_out(LAB, TREE if tree is None else tree, NETS if nets is None else nets, **options)
