"""Proof of the networks of a lab: pings that must not be fragmented, in three sizes.

A small packet shows that there is a way, one of exactly the MTU that all of it is as wide as it
should be, and one of a byte more that the sender knows its limit.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from nestlab.deadline import Deadline
from nestlab.errors import MachineError
from nestlab.machine.protocol import Machine
from nestlab.net.lan import Layout
from nestlab.net.subnet import GuestNetwork

_SMALL = 64
_PATIENCE = 10
"""Seconds for one answer: an emulated guest may be busy."""

_HEADERS = {4: 20 + 8, 6: 40 + 8}
"""Bytes of IP and ICMP before the data that `ping -s` counts."""

_PING_TOLD = frozenset({0, 1, 2})
"""Exit statuses of iputils' ping: answered, not answered, not sent."""

_ANSWERED = re.compile(r"^1 packets transmitted, 1 received, 0% packet loss\b", re.MULTILINE)
_TOO_LONG = re.compile(r"message too long(?:, mtu[=:] ?(\d{1,6})\b)?", re.IGNORECASE | re.ASCII)
"""What iputils' ping says when the kernel refuses to send (ping.c, ping6_common.c); without the MTU
where net.ipv4.ping_group_range lets it use a datagram socket, as on an installed Debian 13."""


@dataclass(frozen=True)
class Way:
    """From one machine to another, which is named for people, by an address; `mtu` in bytes."""

    source: str
    target: str
    address: str
    version: int
    mtu: int
    over: str


def lan_ways(layout: Layout) -> Iterator[Way]:
    """A ring over the members of each network, both IP versions: bounded, and all take part."""
    for lan in layout.lans.values():
        members = layout.members(lan.name)
        ring = [*members, next(iter(members))] if len(members) > 2 else list(members)
        for source, target in pairwise(ring):
            port, over = members[target], f"network {lan.name}"
            for address in (port.address, port.address6):
                if address:
                    yield Way(source, target, str(address.ip), address.version, lan.mtu, over)


def nat_way(path: str, network: GuestNetwork, mtu: int) -> Way:
    """From a guest to the gateway of its own NAT: QEMU answers, so nothing beyond it is tried."""
    return Way(path, "its gateway", str(network.gateway), 4, mtu, "its way out")


async def check_lan(
    machines: Mapping[str, Machine], layout: Layout, *, deadline: Deadline
) -> tuple[Way, ...]:
    """Prove every network of a lab whose machines are all up; the ways that were proved.

    machines  by path, at least all members of all networks

    Raises MachineError `net.unreachable`, `net.mtu-broken`; and what `Machine.run` raises.
    """
    ways = tuple(lan_ways(layout))
    for way in ways:
        await check_way(machines[way.source], way, deadline=deadline)
    return ways


async def check_way(machine: Machine, way: Way, *, deadline: Deadline) -> None:
    """Prove one way. Raises what `check_lan` raises."""
    await _must_answer(machine, way, _SMALL, deadline)
    await _must_answer(machine, way, way.mtu, deadline)
    text = await _ping(machine, way, way.mtu + 1, deadline)
    told = _TOO_LONG.search(text)
    if told is None or int(told[1] or way.mtu) != way.mtu:
        raise _broken(way, f"sends packets of {way.mtu + 1} bytes", text)


async def _must_answer(machine: Machine, way: Way, size: int, deadline: Deadline) -> None:
    text = await _ping(machine, way, size, deadline)
    if _ANSWERED.search(text):
        return
    if size == way.mtu:
        raise _broken(way, f"gets no answer to packets of {size} bytes", text)
    raise MachineError(
        "net.unreachable",
        f"{way.source} gets no answer from {way.target} ({way.address}) over {way.over}",
        where=f"{way.source}, while pinging {way.target}",
        hint=f"look at `ip -br address` on both, and at `bridge link` on every machine between"
        f" {way.source} and {way.target}",
        notes=_last(text),
    )


async def _ping(machine: Machine, way: Way, size: int, deadline: Deadline) -> str:
    """What ping says of one packet of `size` bytes, IP header and all, that nobody may cut."""
    data = size - _HEADERS[way.version]
    argv = (
        *("env", "LC_ALL=C", "ping", f"-{way.version}", "-n", "-M", "do"),
        *("-c", "1", "-W", str(_PATIENCE), "-s", str(data), way.address),
    )
    done = await machine.run(argv, deadline=deadline, limit=1 << 16)
    text = f"{done.text}\n{done.error_text}"
    if done.status not in _PING_TOLD:
        raise MachineError(
            "net.no-ping",
            f"there is no use of `ping` on {way.source}",
            where=f"{way.source}, while pinging {way.target}",
            hint="install iputils-ping on it",
            notes=_last(text),
        )
    return text


def _broken(way: Way, seen: str, text: str) -> MachineError:
    return MachineError(
        "net.mtu-broken",
        f"{way.source} {seen} to {way.target} ({way.address}) over {way.over}, whose MTU is"
        f" {way.mtu}",
        where=f"{way.source}, while pinging {way.target}",
        hint="`ip link` on both and on every machine between them shows the interface with"
        " another MTU",
        notes=_last(text),
    )


def _last(text: str) -> tuple[str, ...]:
    return tuple(line for line in text.splitlines() if line.strip())[-3:]
