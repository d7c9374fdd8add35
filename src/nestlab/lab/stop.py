"""Switching guests off with their disks kept: asked nicely, then made to, deeper ones first."""

from collections.abc import Sequence
from contextlib import suppress

from nestlab.deadline import Deadline
from nestlab.errors import MachineError
from nestlab.events import Progress, Sink, State
from nestlab.hypervisor.qemu.process import end
from nestlab.lab.reach import log_in
from nestlab.lab.running import Lab
from nestlab.lab.state import GuestRecord
from nestlab.lab.together import together
from nestlab.machine.path import parent_of
from nestlab.machine.protocol import Machine

_ASK = 20.0
"""Seconds for logging in and asking a guest to switch itself off."""

_SYNC = 60.0
"""Seconds that a guest has to stop its programs and to write what it holds; an emulated one takes
some six."""

_CLEANUP = 30.0


async def shut_down(
    lab: Lab, records: Sequence[GuestRecord], parent: Machine, sink: Sink, **changes: object
) -> None:
    """Switch off the first of `records`, which runs on `parent`, after those of them inside it.

    changes  what else is recorded of each that is off

    Raises CleanupError `guest.still-running`; MachineError `machine.*` when the parent is lost.
    """
    top, *others = records
    sink(Progress(top.path, "shutting down"))
    asked = await _ask(lab, top, others, parent, sink, changes)
    deadline = Deadline.after(_CLEANUP + _SYNC)
    await end(parent, top.identity, patience=_SYNC if asked else 0, deadline=deadline)
    lab.change(top.path, pid=None, ssh_port=None, **changes)
    sink(Progress(top.path, "off", State.DONE))


async def shut_down_inner(lab: Lab, top: GuestRecord, parent: Machine, sink: Sink) -> None:
    """Switch off all that runs inside a guest, which stays on. Raises as `shut_down` does."""
    others = [each for each in lab.state.guests if each.path.startswith(f"{top.path}/")]
    if not any(each.pid for each in others):
        return
    machine = await log_in(top, parent, lab.folder, Deadline.after(_ASK))
    try:
        await together(
            shut_down(lab, _below(each, others), machine, sink, stopped=True)
            for each in others
            if parent_of(each.path) == top.path and each.pid
        )
    finally:
        await machine.close()


async def _ask(
    lab: Lab,
    top: GuestRecord,
    others: Sequence[GuestRecord],
    parent: Machine,
    sink: Sink,
    changes: dict[str, object],
) -> bool:
    """Whether it took the wish to switch itself off, once all in it are off."""
    if top.ssh_port is None:
        return False
    try:
        machine = await log_in(top, parent, lab.folder, Deadline.after(_ASK))
    except MachineError:
        return False  # it hangs, or it is gone: signals end it, and it takes along what is in it
    try:
        inner = [each for each in others if parent_of(each.path) == top.path]
        await together(
            shut_down(lab, _below(each, others), machine, sink, **changes) for each in inner
        )
        # the connection may break before the answer comes
        with suppress(MachineError):
            await machine.run(("systemctl", "poweroff"), deadline=Deadline.after(_ASK))
        return True
    finally:
        await machine.close()


def _below(top: GuestRecord, records: Sequence[GuestRecord]) -> list[GuestRecord]:
    return [top, *(each for each in records if each.path.startswith(f"{top.path}/"))]
