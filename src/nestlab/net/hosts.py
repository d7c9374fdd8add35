"""Names: what /etc/hosts of a machine says of the others in its lab (pure).

A name is there only if its address can be reached from the machine:
1. over a network that both are on;
2. an ancestor through the NAT, whose gateway leads to the ancestor's own loopback;
3. over a network that an ancestor is on, since the NAT goes out through it (IPv4 only).
A guest behind NAT alone cannot be reached from its parent but by the forwarded SSH port, nor from
its siblings at all: so it has no name there.
"""

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address, IPv6Address

from nestlab.machine.path import level_of, parent_of
from nestlab.net.lan import Layout, Port
from nestlab.net.subnet import GuestNetwork

Hosts = tuple[tuple[str, tuple[str, ...]], ...]
"""Lines of /etc/hosts: an address and its names, the full one first."""

_RESERVED = frozenset({"localhost", "parent"})
"""Short names that no machine gets."""


def hosts_of(path: str, layout: Layout, nat: Mapping[str, GuestNetwork], lab: str) -> Hosts:
    """The lines for one machine, itself included.

    nat  the own networks of the machine and of every guest that it is in; beyond one that is not
         known nothing has a name
    lab  the lab's name: `l2.l1.seed` is machine l1/l2 of lab `seed`
    """
    nearest = _nearest(path, ("l0", *layout.ports))
    lines: list[tuple[str, tuple[str, ...]]] = []
    for other in ("l0", *layout.ports):
        name = other.rpartition("/")[2]
        names = [full_name(other, lab)]
        if nearest.get(name) == other:
            names.append(name)
        if other == parent_of(path):
            names.append("parent")
        addresses = _own(path, layout) if other == path else _ways(path, other, layout, nat)
        lines += ((str(address), tuple(names)) for address in addresses)
    return tuple(lines)


def full_name(path: str, lab: str) -> str:
    """`l2.l1.seed` for l1/l2: unique in the lab, and the host name is what is before the dot."""
    return ".".join((*reversed(path.split("/")), lab))


def _own(path: str, layout: Layout) -> Iterator[IPv4Address | IPv6Address]:
    """Its own address on its first network, so that what it tells others of itself is of use."""
    first = next((port for port in layout.ports[path] if port.address), None)
    if first is None:
        yield IPv4Address("127.0.1.1")
    else:
        yield from _both(first)


def _ways(
    path: str, other: str, layout: Layout, nat: Mapping[str, GuestNetwork]
) -> Iterator[IPv4Address | IPv6Address]:
    """The addresses by which a machine reaches another, of the best way; none: it cannot."""
    theirs = {port.lan.name: port for port in layout.ports.get(other, ()) if port.address}
    shared = _shared(path, layout, theirs)
    if shared:
        yield from _both(shared)
        return
    inside = path
    while inside != "l0":
        outside = parent_of(inside)
        if outside == other:
            if inside in nat:
                yield nat[inside].gateway
            return
        by_nat = _shared(outside, layout, theirs)
        if by_nat and by_nat.address:
            yield by_nat.address.ip
            return
        inside = outside


def _shared(path: str, layout: Layout, theirs: Mapping[str, Port]) -> Port | None:
    """The other's port on the first network that both are on."""
    ours = (port.lan.name for port in layout.ports.get(path, ()) if port.address)
    return next((theirs[name] for name in ours if name in theirs), None)


def _both(port: Port) -> Iterator[IPv4Address | IPv6Address]:
    if port.address:
        yield port.address.ip
    if port.address6:
        yield port.address6.ip


def _nearest(path: str, machines: tuple[str, ...]) -> dict[str, str]:
    """Short name -> whose it is: the nearest's in the tree, so a sibling's before a cousin's."""
    found: dict[str, tuple[int, int]] = {}
    owner: dict[str, str] = {}
    for other in machines:
        name = other.rpartition("/")[2]
        distance = _distance(path, other)
        if name not in _RESERVED and (name not in found or distance < found[name]):
            found[name], owner[name] = distance, other
    return owner


def _distance(path: str, other: str) -> tuple[int, int]:
    """Steps in the tree, then steps up: a child is nearer than the parent."""
    common = 0
    if path != "l0" and other != "l0":
        for ours, theirs in zip(path.split("/"), other.split("/"), strict=False):
            if ours != theirs:
                break
            common += 1
    up = level_of(path) - common
    return up + level_of(other) - common, up
