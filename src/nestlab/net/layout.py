"""Who is on which network of a lab, with which addresses (pure).

The same lab and tree give the same layout. What was given before is kept when it is passed as
`known`, so a machine that is added changes nobody else's address.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import IPv4Interface, IPv4Network, IPv6Interface, IPv6Network
from itertools import chain, count
from typing import Protocol

from nestlab.errors import HostError, UsageError
from nestlab.machine.path import level_of, parent_of
from nestlab.net.lan import Lan, Layout, Port
from nestlab.net.mtu import mtu_at
from nestlab.net.subnet import free_subnet, is_default

Known = Mapping[tuple[str, str], IPv4Interface]
"""(network, machine) -> the address that it was given before."""

_FIRST = 10
"""The first host number for machines; those below are left to the user (a gateway, a VIP)."""


class Wanted(Protocol):
    """What the lab file says of a network."""

    @property
    def subnet(self) -> IPv4Network | None:
        """None: one that nobody routes."""
        ...

    @property
    def ipv6(self) -> bool:
        """Whether machines get IPv6 addresses too."""
        ...


def lay_out(
    lab: str,
    machines: Mapping[str, Sequence[str]],
    wanted: Mapping[str, Wanted],
    *,
    taken: Iterable[IPv4Network],
    mtu: int,
    sockets: str,
    known: Known | None = None,
) -> Layout:
    """Give every machine its ports.

    lab       the lab's id
    machines  path -> names of its networks; parents before children, all machines of the lab
    taken     networks that L0 routes, or that the lab gave away as NAT
    mtu       bytes, measured at L0 (see `mtu.path_mtu`)
    sockets   folder of the switches' sockets at L0

    Raises HostError `net.subnet-taken`, `net.no-free-subnet`; UsageError `net.subnets-overlap`,
    `net.subnet-too-small`.
    """
    known = known or {}
    on = {name: [path for path in machines if name in machines[path]] for name in wanted}
    subnets = _subnets(wanted, on, list(taken), known)
    lans = {
        name: Lan(
            name,
            subnets[name],
            _prefix6(lab, name) if each.ipv6 else None,
            mtu_at(max(map(level_of, on[name]), default=1), mtu),
        )
        for name, each in wanted.items()
    }
    addresses = {name: _addresses(lan, on[name], known) for name, lan in lans.items()}
    parents = {name: {above for path in on[name] for above in _above(path)} for name in wanted}
    cards = [
        (name, path)
        for path in machines
        for name in wanted
        if path in parents[name] or name in machines[path]
    ]
    ports: dict[str, list[Port]] = {path: [] for path in machines}
    for (name, path), mac in zip(cards, _macs(lab, cards), strict=True):
        lan, parent = lans[name], parent_of(path)
        address = addresses[name].get(path)
        ports[path].append(
            Port(
                lan,
                mac,
                address,
                _address6(lan, address),
                bridge=lan.bridge if path in parents[name] else None,
                uplink=switch_socket(sockets, name) if parent == "l0" else lan.bridge,
            )
        )
    return Layout(lans, {path: tuple(each) for path, each in ports.items()})


def switch_socket(sockets: str, lan: str) -> str:
    """Where a network's switch listens; no guest's folder there has a dot in its name."""
    return f"{sockets}/{lan}.net"


def _above(path: str) -> Iterator[str]:
    """The guests that a guest is in: `l1` and `l1/l2` for `l1/l2/l3`."""
    while (path := parent_of(path)) != "l0":
        yield path


def _subnets(
    wanted: Mapping[str, Wanted],
    on: Mapping[str, Sequence[str]],
    taken: Sequence[IPv4Network],
    known: Known,
) -> dict[str, IPv4Network]:
    """The user's own subnets first, then those known from before, then free ones."""
    found: dict[str, IPv4Network] = {}
    for name, each in wanted.items():
        before = next((known[key].network for path in on[name] if (key := (name, path)) in known),
                      None)  # fmt: skip
        if each.subnet is not None:
            _must_be_free(name, each.subnet, taken, found)
            found[name] = each.subnet
        elif before is not None:
            found[name] = before
    for name in wanted:
        if name not in found:
            prefix = min(24, _prefix_for(len(on[name])))
            found[name] = free_subnet([*taken, *found.values()], prefix)
    return found


def _prefix_for(members: int) -> int:
    """The longest prefix that has a host number for each member."""
    return 32 - (members + 1).bit_length()


def _must_be_free(
    name: str, subnet: IPv4Network, taken: Iterable[IPv4Network], others: Mapping[str, IPv4Network]
) -> None:
    for route in taken:
        if not is_default(route) and route.overlaps(subnet):
            raise HostError(
                "net.subnet-taken",
                f"network {name} shall be {subnet}, but {route} is routed already",
                where="l0, while laying out its networks",
                hint="give it another subnet, or leave `subnet` out: then a free one is chosen",
            )
    for other, theirs in others.items():
        if theirs.overlaps(subnet):
            raise UsageError(
                "net.subnets-overlap",
                f"network {name} ({subnet}) overlaps network {other} ({theirs})",
                hint="give one of them another subnet, or leave `subnet` out",
            )


def _addresses(lan: Lan, members: Sequence[str], known: Known) -> dict[str, IPv4Interface]:
    """What was given before is kept; the others get the lowest free host numbers, from 10 on."""
    subnet = lan.subnet
    hosts = range(1, subnet.num_addresses - 1)
    if len(members) > len(hosts):
        raise UsageError(
            "net.subnet-too-small",
            f"network {lan.name} ({subnet}) has {len(hosts)} addresses for {len(members)} machines",
            hint=f"give it a /{_prefix_for(len(members))}, or leave `subnet` out",
        )
    given: dict[str, int] = {}
    for path in members:
        before = known.get((lan.name, path))
        number = int(before.ip) - int(subnet[0]) if before else 0
        if before and before.network == subnet and number in hosts and number not in given.values():
            given[path] = number
    used = set(given.values())
    free = (n for n in chain(hosts[_FIRST - 1 :], hosts[: _FIRST - 1]) if n not in used)
    given |= {path: next(free) for path in members if path not in given}
    return {path: IPv4Interface((subnet[given[path]], subnet.prefixlen)) for path in members}


def _prefix6(lab: str, name: str) -> IPv6Network:
    """A unique local /64 (RFC 4193): fd, then 56 bits that no other network is likely to have."""
    bits = _digest(lab, name)[:7]
    return IPv6Network((bytes((0xFD, *bits, *bytes(8))), 64))


def _address6(lan: Lan, address: IPv4Interface | None) -> IPv6Interface | None:
    """The host number is the same as that of the IPv4 address."""
    if address is None or lan.subnet6 is None:
        return None
    number = int(address.ip) - int(lan.subnet[0])
    return IPv6Interface((lan.subnet6[number], lan.subnet6.prefixlen))


def _macs(lab: str, cards: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Locally administered addresses (02:…), none of them twice."""
    used: set[str] = set()
    for name, path in cards:
        tries = (_digest(lab, path, name, str(salt))[:5].hex(":") for salt in count())
        mac = next(each for each in tries if each not in used)
        used.add(mac)
        yield f"02:{mac}"


def _digest(*words: str) -> bytes:
    return hashlib.sha256("\n".join(words).encode()).digest()
