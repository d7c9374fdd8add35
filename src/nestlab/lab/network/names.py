"""Machines that run learn the names of those that came, and forget those that went."""

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Interface, IPv4Network

from nestlab.deadline import Deadline
from nestlab.errors import NestlabError
from nestlab.events import Notice, Progress, Sink, State
from nestlab.lab.access.reach import log_in
from nestlab.lab.build.together import together
from nestlab.lab.record.running import Lab
from nestlab.lab.record.state import GuestRecord, LabState
from nestlab.machine.path import is_above, level_of, parent_of
from nestlab.machine.protocol import Machine
from nestlab.net.hosts import Hosts, hosts_of
from nestlab.net.hosts_file import digest, write_hosts_block
from nestlab.net.layout import lay_out
from nestlab.net.mtu import ETHERNET
from nestlab.net.subnet import GuestNetwork

_SECONDS = 30.0


def names_in(state: LabState) -> dict[str, Hosts]:
    """Path -> the names that the machine shall know, from the addresses that were given (pure)."""
    records = sorted(state.guests, key=lambda each: level_of(each.path))
    layout = lay_out(
        state.id,
        {each.path: tuple(each.addresses) for each in records},
        {each.name: each for each in state.networks},
        taken=(),
        mtu=ETHERNET,  # of no account for names
        sockets=state.sockets,
        known={
            (name, each.path): IPv4Interface(address)
            for each in records
            for name, address in each.addresses.items()
        },
    )
    nat = {each.path: GuestNetwork(IPv4Network(each.subnet)) for each in records if each.subnet}
    lab = state.name or state.id
    return {each.path: hosts_of(each.path, layout, nat, lab) for each in records}


def to_tell(state: LabState) -> dict[str, Hosts]:
    """Machines that run and do not know yet what they shall know (pure)."""
    known = {each.path: each for each in state.guests}
    return {
        path: hosts
        for path, hosts in names_in(state).items()
        if known[path].ssh_port is not None and known[path].told not in {None, digest(hosts)}
    }


async def tell_names(lab: Lab, root: Machine, sink: Sink) -> None:
    """Write the names into /etc/hosts of every machine that runs and lacks them.

    One that cannot be told is named, and told the next time: what was asked for has been done.

    root  the lab's host
    """
    if news := to_tell(lab.state):
        await _Round(lab, news, sink).below("l0", root)


class _Round:
    """One way down the tree, past machines that have to be told something."""

    def __init__(self, lab: Lab, news: Mapping[str, Hosts], sink: Sink) -> None:
        self._lab, self._news, self._sink = lab, news, sink
        self._open = {level.machine.path: level.machine for level in lab.levels}

    async def below(self, parent: str, machine: Machine) -> None:
        guests = [each for each in self._lab.state.guests if parent_of(each.path) == parent]
        ways = [each for each in guests if any(is_above(each.path, path) for path in self._news)]
        await together(self._enter(each, machine) for each in ways)

    async def _enter(self, guest: GuestRecord, parent: Machine) -> None:
        path, own = guest.path, self._open.get(guest.path)
        try:
            machine = own or await log_in(guest, parent, self._lab.folder, Deadline.after(_SECONDS))
        except NestlabError as problem:
            self._failed([each for each in self._news if is_above(path, each)], problem)
            return
        try:
            if path in self._news:
                await self._tell(path, machine)
            await self.below(path, machine)
        finally:
            if own is None:
                await machine.close()

    async def _tell(self, path: str, machine: Machine) -> None:
        hosts = self._news[path]
        try:
            deadline = Deadline.after(_SECONDS)
            changed = await write_hosts_block(machine, hosts, deadline=deadline)
        except NestlabError as problem:
            self._failed([path], problem)
            return
        self._lab.change(path, told=digest(hosts))
        if changed:
            self._sink(Progress(path, "knows the names of the others", State.DONE))

    def _failed(self, untold: Sequence[str], problem: NestlabError) -> None:
        self._sink(
            Notice(
                f"{', '.join(untold)}: not told the names of others ({problem.message}); the next"
                " `nestlab up` or `nestlab start` tries it again"
            )
        )
