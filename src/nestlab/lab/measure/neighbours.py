"""Whom each machine of a lab can talk to, and at which address."""

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network

from nestlab.bench.peer import Neighbour
from nestlab.lab.record.state import GuestRecord, LabState
from nestlab.machine.path import parent_of
from nestlab.machine.protocol import Machine
from nestlab.net.subnet import GuestNetwork

_LOOPBACK = "127.0.0.1"


def neighbours(
    path: str, state: LabState, machines: Mapping[str, Machine]
) -> tuple[Neighbour, ...]:
    """The parent and the first sibling of a machine, as far as they are reached.

    machines  by path, those that are up

    On a network of the lab that both are on; else the parent through the gateway of the machine's
    own network, which leads to the parent's loopback (QEMU documentation, "Using the user mode
    network stack").
    """
    record = state.guest(path)
    if record is None:
        return ()
    parent, found = parent_of(path), []
    if parent in machines:
        found += [_parent(record, state.guest(parent), machines[parent])]
    found += list(_siblings(record, state, machines))[:1]
    return tuple(each for each in found if each)


def _parent(child: GuestRecord, parent: GuestRecord | None, machine: Machine) -> Neighbour | None:
    if parent and (address := _common(child, parent)):
        return Neighbour("parent", machine, address)
    if child.subnet is None:
        return None
    gateway = str(GuestNetwork(IPv4Network(child.subnet)).gateway)
    return Neighbour("parent", machine, gateway, _LOOPBACK)


def _siblings(
    record: GuestRecord, state: LabState, machines: Mapping[str, Machine]
) -> Iterator[Neighbour]:
    for other in state.guests:
        brother = other.path != record.path and parent_of(other.path) == parent_of(record.path)
        if brother and other.path in machines and (address := _common(record, other)):
            yield Neighbour("sibling", machines[other.path], address)


def _common(one: GuestRecord, other: GuestRecord) -> str | None:
    """The other's address on the first network that both are on."""
    shared = (name for name in one.addresses if name in other.addresses)
    address = next((other.addresses[name] for name in shared), None)
    return None if address is None else address.partition("/")[0]
