"""How the machines of a lab are: asked all at once, each with a short deadline."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from nestlab.deadline import Deadline
from nestlab.errors import NestlabError
from nestlab.hypervisor.carriers import CARRIERS
from nestlab.lab.access.reach import log_in
from nestlab.lab.access.root import root_of
from nestlab.lab.record.state import GuestRecord, LabState, lab_state
from nestlab.machine.path import level_of, parent_of
from nestlab.machine.protocol import Machine
from nestlab.machine.tasks import TaskSet
from nestlab.units import format_duration

T = TypeVar("T")

PATIENCE = 5.0
"""Seconds that a machine has to answer, once its parent has."""
_CLOSE_PATIENCE = 3.0

# Blocks of the disk that are in use, then the processes that carry the guest's identity.
_LOOK = (
    CARRIERS
    + """
stat -c '%b %B' -- "$2" 2>/dev/null || echo
carriers "$1"
"""
)

Enter = Callable[[GuestRecord, Machine, Deadline], Awaitable[Machine]]
"""Log in on a guest through its parent."""


@dataclass(frozen=True)
class MachineStatus:
    """One machine; what is not known is None.

    state      running: it answers; starting: no port of it is known yet; stopped: by its user;
               unreachable: its QEMU is there, or nobody can tell, but it does not answer; gone:
               there is no QEMU of it
    reason     why it is not running, in a few words
    hypervisor  what starts it on its parent: `qemu`, `libvirt`
    memory, disk_used   bytes; of the disk, what its overlay takes on its parent
    uptime     seconds, as it says itself
    """

    path: str
    level: int
    parent: str
    state: str
    reason: str | None
    hypervisor: str | None
    accelerator: str | None
    emulated: bool | None
    address: str | None
    vcpus: int | None
    memory: int | None
    disk_used: int | None
    uptime: float | None


@dataclass(frozen=True)
class LabStatus:
    """One lab; state: kept, busy (a nestlab is at work on it) or left over.

    host  the machine at its root as `ssh` takes it; None: this one
    """

    id: str
    name: str | None
    state: str
    folder: str
    host: str | None
    machines: tuple[MachineStatus, ...]


async def survey_lab(
    folder: Path,
    state: LabState,
    *,
    patience: float = PATIENCE,
    host: Machine | None = None,
    enter: Enter | None = None,
) -> LabStatus:
    """Ask all machines; takes at most `patience` seconds for each level, whatever they do.

    host   the machine at the root; by default this one
    enter  how to log in; by default with the lab's key
    """
    now = lab_state(state, folder)
    asked = _Round(state, enter or _enter_with(folder), patience, busy=now == "busy")
    async with AsyncExitStack() as stack:
        deadline = Deadline.after(patience)
        machine, lost = host, None
        if machine is None:
            try:
                machine = await stack.enter_async_context(root_of(state.host, deadline=deadline))
            except NestlabError:
                lost = "unreachable"
        stack.push_async_callback(asked.close)
        machines = await asked.below("l0", machine, lost)
    order = [guest.path for guest in state.guests]
    machines.sort(key=lambda each: order.index(each.path))
    return LabStatus(state.id, state.name, now, str(folder), state.host, tuple(machines))


def _enter_with(folder: Path) -> Enter:
    async def enter(guest: GuestRecord, parent: Machine, deadline: Deadline) -> Machine:
        return await log_in(guest, parent, folder, deadline)

    return enter


@dataclass(frozen=True)
class _Seen:
    """From outside: what the parent says. `process` None: it could not tell."""

    process: bool | None = None
    disk: int | None = None


@dataclass(frozen=True)
class _Entered:
    """From inside: the machine, or why it cannot be entered."""

    machine: Machine | None = None
    uptime: float | None = None
    reason: str | None = None


class _Round:
    """One look at everything."""

    def __init__(self, state: LabState, enter: Enter, patience: float, *, busy: bool) -> None:
        self._state, self._enter, self._patience, self._busy = state, enter, patience, busy
        self._tasks = TaskSet()
        self._entered: list[Machine] = []

    async def below(
        self, parent: str, machine: Machine | None, lost: str | None
    ) -> list[MachineStatus]:
        """All guests of a machine and theirs; `lost`: its state, when it cannot be asked."""
        guests = [each for each in self._state.guests if parent_of(each.path) == parent]
        found = await asyncio.gather(*(self._ask(each, machine, lost) for each in guests))
        return [row for rows in found for row in rows]

    async def _ask(
        self, guest: GuestRecord, parent: Machine | None, lost: str | None
    ) -> Sequence[MachineStatus]:
        if parent is None:
            state, reason = _cut_off(guest, lost)
            row = _row(guest, state, reason, _Seen(), _Entered())
            return [row, *await self.below(guest.path, None, state)]
        seen, entered = await asyncio.gather(self._look(guest, parent), self._go_in(guest, parent))
        state, reason = self._judge(guest, seen, entered)
        row = _row(guest, state, reason, seen, entered)
        return [row, *await self.below(guest.path, entered.machine, state)]

    def _judge(self, guest: GuestRecord, seen: _Seen, entered: _Entered) -> tuple[str, str | None]:
        if entered.machine is not None:
            return "running", None  # its host key was checked, so it was none but itself
        if guest.ssh_port is None and (seen.process or self._busy):
            return "starting", None
        if seen.process is False:
            return ("stopped", None) if guest.stopped else ("gone", "no QEMU of it runs")
        return "unreachable", entered.reason

    async def _look(self, guest: GuestRecord, parent: Machine) -> _Seen:
        argv = ("sh", "-c", _LOOK, "sh", guest.identity, f"{guest.folder}/root.qcow2")
        try:
            done = await self._within(
                parent.run(argv, deadline=Deadline.after(self._patience), limit=4096)
            )
        except (NestlabError, TimeoutError):
            return _Seen()
        disk, *pids = done.text.split("\n")
        blocks = disk.split()
        known = len(blocks) == 2 and all(each.isascii() and each.isdecimal() for each in blocks)
        return _Seen(any(pids), int(blocks[0]) * int(blocks[1]) if known else None)

    async def _go_in(self, guest: GuestRecord, parent: Machine) -> _Entered:
        if guest.ssh_port is None:
            return _Entered()
        try:
            return await self._within(self._log_in(guest, parent))
        except TimeoutError:
            return _Entered(reason=f"no answer within {format_duration(self._patience)}")
        except NestlabError as problem:
            return _Entered(reason=problem.message)

    async def _log_in(self, guest: GuestRecord, parent: Machine) -> _Entered:
        deadline = Deadline.after(self._patience)
        machine = await self._enter(guest, parent, deadline)
        self._entered.append(machine)
        done = await machine.run(("cat", "/proc/uptime"), deadline=deadline, limit=4096)
        with suppress(ValueError, IndexError):
            return _Entered(machine, float(done.text.split()[0]))
        return _Entered(machine)

    async def _within(self, work: Coroutine[Any, Any, T]) -> T:
        """The result, or TimeoutError; work that is late ends when the connections are closed.

        It is not cancelled: a machine that no longer answers would keep us waiting for the end of
        the program that was started on it.
        """
        task = self._tasks.spawn(work)
        done, _ = await asyncio.wait({task}, timeout=self._patience)
        if not done:
            raise TimeoutError
        return task.result()

    async def close(self) -> None:
        """Let go of all machines, deeper ones first, and of what was late."""
        for again in (False, True):  # something may have been opened while others were closed
            deepest_first = sorted(self._entered, key=lambda each: -each.path.count("/"))
            with suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_PATIENCE):
                    await asyncio.gather(*(each.close() for each in deepest_first))
            if not again:
                await self._tasks.cancel_all()


def _cut_off(guest: GuestRecord, lost: str | None) -> tuple[str, str | None]:
    """What is known of a guest whose parent cannot be asked."""
    if guest.stopped and lost in {"gone", "stopped"}:
        return "stopped", None
    state = "gone" if lost in {"gone", "stopped"} else "unreachable"
    return state, f"{parent_of(guest.path)} is {lost}"


def _row(
    guest: GuestRecord, state: str, reason: str | None, seen: _Seen, entered: _Entered
) -> MachineStatus:
    return MachineStatus(
        path=guest.path,
        level=level_of(guest.path),
        parent=parent_of(guest.path),
        state=state,
        reason=reason,
        hypervisor=guest.spec.hypervisor if guest.spec else None,
        accelerator=guest.accelerator,
        emulated=guest.emulated,
        address=guest.address,
        vcpus=guest.vcpus,
        memory=guest.memory,
        disk_used=seen.disk,
        uptime=entered.uptime,
    )
