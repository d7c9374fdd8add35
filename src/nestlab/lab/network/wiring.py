"""The networks of a lab: laid out for all its machines, with a switch process for each at L0."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from ipaddress import IPv4Interface, IPv4Network

from nestlab.deadline import Deadline
from nestlab.events import Progress, Sink
from nestlab.hypervisor.netdevs import choose_nat
from nestlab.hypervisor.plan import Nat
from nestlab.hypervisor.protocol import Hypervisor
from nestlab.hypervisor.qemu.arch import arch_of
from nestlab.hypervisor.switch import end_switch, find_switch, start_switch, switch_identity
from nestlab.lab.record.running import Lab
from nestlab.lab.record.state import GuestRecord, LabState
from nestlab.lab.wanted.spec import GuestSpec
from nestlab.machine.path import is_above, level_of
from nestlab.net.hosts import Hosts, hosts_of
from nestlab.net.lan import Layout, Port
from nestlab.net.layout import lay_out, switch_socket
from nestlab.net.mtu import nat_mtu_at, path_mtu
from nestlab.net.subnet import GuestNetwork
from nestlab.teardown import on_exit

_SECONDS = 60.0


@dataclass
class Wiring:
    """Who is on which network, and how wide each way is.

    lab    what the lab is called in full names
    mtu    bytes, measured at L0
    nat    what gives guests of L0 their way out
    cut    networks whose switch had to be started: who was on one has to be plugged in again
    own    path -> a guest's own network; grows as guests are planned, parents first
    """

    lab: str
    mtu: int
    nat: Nat
    layout: Layout
    cut: frozenset[str]
    own: dict[str, GuestNetwork] = field(default_factory=dict)

    def ports(self, path: str) -> tuple[Port, ...]:
        """A machine's cards."""
        return self.layout.ports.get(path, ())

    def mtu_of(self, path: str) -> int:
        """Bytes, of a machine's way out."""
        return nat_mtu_at(level_of(path), self.mtu)

    def nat_of(self, path: str) -> Nat:
        """What gives a guest its way out; within guests it is that of our image's QEMU."""
        return self.nat if level_of(path) == 1 else "slirp"

    def hosts(self, path: str) -> Hosts:
        """The names that a machine knows."""
        return hosts_of(path, self.layout, self.own, self.lab)

    def unplugged(self, record: GuestRecord) -> str | None:
        """Why a guest that runs needs other cards than it has, or None."""
        ports = self.ports(record.path)
        addresses = {port.lan.name: str(port.address) for port in ports if port.address}
        if set(cards(ports)) - set(record.cards) or addresses != record.addresses:
            return "it needs other network cards"
        lost = [port.lan.name for port in ports if port.lan.name in self.cut and port.on_switch]
        return f"the switch of network {lost[0]} was gone" if lost else None


def cards(ports: Iterable[Port]) -> tuple[str, ...]:
    """A machine's cards for its record: `storage 1350`, the MTU, and `storage bridge`."""
    return tuple(
        card
        for port in ports
        for card in (
            f"{port.lan.name} {port.lan.mtu}",
            *((f"{port.lan.name} bridge",) if port.bridge else ()),
        )
    )


def changes_networks(state: LabState, parent: str, networks: Iterable[str]) -> bool:
    """Whether machines that are there need other cards once a guest of `parent` is on networks.

    Those that it is in have to carry them, and a member deeper than all others lowers the MTU.
    """
    level = level_of(parent) + 1
    ancestors = [each for each in state.guests if is_above(each.path, parent)]
    return any(
        not all(f"{name} bridge" in each.cards for each in ancestors)
        or level
        > max((level_of(e.path) for e in state.guests if name in e.addresses), default=level)
        for name in networks
    )


async def wire(
    host: Hypervisor, lab: Lab, guests: Sequence[GuestSpec], sink: Sink, stack: AsyncExitStack
) -> Wiring:
    """Lay out the lab's networks, and start the switches that do not run.

    Those that were started end with `stack`, unless the lab is kept.

    Raises HostError `net.*`; UsageError `net.subnets-overlap`, `net.subnet-too-small`; MachineError
    `net.switch-failed`.
    """
    state, facts = lab.state, host.facts
    wanted = {each.name: each for each in state.networks}
    mtu = path_mtu(each.mtu for each in facts.interfaces or () if each.mtu and each.default)
    layout = lay_out(
        state.id,
        _machines(state.guests, guests, host.machine.path),
        wanted,
        taken=[*(facts.routes or ()), *_given_away(state.guests)],
        mtu=mtu,
        sockets=state.sockets,
        known=_known(state.guests),
    )
    program = arch_of(facts.arch or "unknown", where="l0, while planning networks").program
    nat = await choose_nat(
        host.machine, program, lans=bool(wanted), deadline=Deadline.after(_SECONDS)
    )
    cut = [name for name in wanted if await _switch(host, lab, layout, name, sink, stack)]
    own = {
        each.path: GuestNetwork(IPv4Network(each.subnet)) for each in state.guests if each.subnet
    }
    return Wiring(state.name or state.id, mtu, nat, layout, frozenset(cut), own)


async def _switch(
    host: Hypervisor, lab: Lab, layout: Layout, name: str, sink: Sink, stack: AsyncExitStack
) -> bool:
    """Whether a network's switch had to be started."""
    machine, identity = host.machine, switch_identity(lab.state.id, name)
    if await find_switch(machine, identity, deadline=Deadline.after(_SECONDS)):
        return False
    sink(Progress("l0", f"starting the switch of network {name}"))

    async def end() -> None:
        if not lab.kept:
            await end_switch(machine, identity, deadline=Deadline.after(_SECONDS))

    on_exit(stack, end)
    await start_switch(
        machine,
        identity,
        switch_socket(lab.state.sockets, name),
        mtu=layout.lans[name].mtu,
        deadline=Deadline.after(_SECONDS),
    )
    return True


def _machines(
    records: Iterable[GuestRecord], guests: Sequence[GuestSpec], root: str
) -> Mapping[str, Sequence[str]]:
    """All machines of the lab with their networks, as they shall be; parents first."""
    found = {each.path: each.spec.networks if each.spec else () for each in records}
    found.update(_wanted(guests, "" if root == "l0" else f"{root}/"))
    return dict(sorted(found.items(), key=lambda each: level_of(each[0])))


def _wanted(guests: Sequence[GuestSpec], parent: str) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for guest in guests:
        found[f"{parent}{guest.name}"] = guest.networks
        found.update(_wanted(guest.guests, f"{parent}{guest.name}/"))
    return found


def _known(records: Iterable[GuestRecord]) -> dict[tuple[str, str], IPv4Interface]:
    return {
        (name, each.path): IPv4Interface(address)
        for each in records
        for name, address in each.addresses.items()
    }


def _given_away(records: Iterable[GuestRecord]) -> list[IPv4Network]:
    return [IPv4Network(each.subnet) for each in records if each.subnet]
