"""A guest's interfaces, as lines for `ip -batch` (pure): one process sets up all of them."""

from collections.abc import Iterator, Sequence

from nestlab.net.lan import Port
from nestlab.net.subnet import GuestNetwork


def link_lines(network: GuestNetwork, mtu: int | None, ports: Sequence[Port]) -> str:
    """The way out first: whatever goes wrong with the rest, the guest can be entered.

    The cards of `ports` have their names already.
    """
    lines = ["link set lo up", f"address add {network.guest} dev eth0"]
    if mtu is not None:
        lines.append(f"link set eth0 mtu {mtu}")
    lines += ("link set eth0 up", f"route add default via {network.gateway}")
    for port in ports:
        lines += _bridged(port, port.bridge) if port.bridge else ()
        lines += _addressed(port, port.bridge or port.lan.card)
    return "".join(f"{line}\n" for line in lines)


def _bridged(port: Port, bridge: str) -> Iterator[str]:
    """The bridge and the card in it; the card itself speaks no IP.

    The bridge keeps the card's address: udev would give it another one, if it has none of its own.
    Without snooping it needs nobody to ask for groups, without which IPv6 finds no neighbour.
    """
    yield f"link add name {bridge} address {port.mac} type bridge stp_state 0 mcast_snooping 0"
    yield f"link set {port.lan.card} mtu {port.lan.mtu} addrgenmode none"
    yield f"link set {port.lan.card} master {bridge}"
    yield f"link set {port.lan.card} up"


def _addressed(port: Port, interface: str) -> Iterator[str]:
    """The machine's own addresses; a machine that only carries the network has none, not fe80::."""
    quiet = " addrgenmode none" if port.address is None else ""
    yield f"link set {interface} mtu {port.lan.mtu}{quiet}"
    if port.address:
        yield f"address add {port.address} dev {interface}"
    if port.address6:
        yield f"address add {port.address6} dev {interface} nodad"
    yield f"link set {interface} up"
