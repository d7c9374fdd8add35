"""Switching guests off with their disks kept: asked nicely, then made to, deeper ones first."""

from contextlib import suppress

from nestlab.deadline import Deadline
from nestlab.errors import MachineError
from nestlab.events import Progress, Sink, State
from nestlab.hypervisor.qemu.process import end
from nestlab.lab.access.reach import log_in
from nestlab.lab.build.together import together
from nestlab.lab.record.running import Lab
from nestlab.lab.record.state import GuestRecord
from nestlab.lab.wanted.tree import must_be_known
from nestlab.machine.path import parent_of
from nestlab.machine.protocol import Machine

_ASK = 20.0
"""Seconds for logging in and asking a guest to switch itself off."""

_SYNC = 60.0
"""Seconds that a guest has to stop its programs and to write what it holds; an emulated one takes
some six."""

_CLEANUP = 30.0


async def shut_down(lab: Lab, path: str, parent: Machine, sink: Sink, **changes: object) -> None:
    """Switch off a guest, which runs on `parent`, after those inside it.

    changes  what else is recorded of each that is off

    Raises CleanupError `guest.still-running`; MachineError `machine.*` when the parent is lost.
    """
    guest = must_be_known(lab.state, path)
    sink(Progress(path, "shutting down"))
    asked = await _ask(lab, guest, parent, sink, changes)
    deadline = Deadline.after(_CLEANUP + _SYNC)
    await end(parent, guest.identity, patience=_SYNC if asked else 0, deadline=deadline)
    lab.change(path, pid=None, ssh_port=None, **changes)
    sink(Progress(path, "off", State.DONE))


async def shut_down_inner(lab: Lab, guest: GuestRecord, parent: Machine, sink: Sink) -> None:
    """Switch off all that runs inside a guest, which stays on. Raises as `shut_down` does."""
    running = [each.path for each in _inside(lab, guest) if each.pid]
    if not running:
        return
    machine = await log_in(guest, parent, lab.folder, Deadline.after(_ASK))
    try:
        await together(shut_down(lab, path, machine, sink, stopped=True) for path in running)
    finally:
        await machine.close()


async def _ask(
    lab: Lab, guest: GuestRecord, parent: Machine, sink: Sink, changes: dict[str, object]
) -> bool:
    """Whether it took the wish to switch itself off, once all in it are off."""
    if guest.ssh_port is None:
        return False
    try:
        machine = await log_in(guest, parent, lab.folder, Deadline.after(_ASK))
    except MachineError:
        return False  # it hangs, or it is gone: signals end it, and it takes along what is in it
    try:
        await together(
            shut_down(lab, each.path, machine, sink, **changes) for each in _inside(lab, guest)
        )
        # the connection may break before the answer comes
        with suppress(MachineError):
            await machine.run(("systemctl", "poweroff"), deadline=Deadline.after(_ASK))
        return True
    finally:
        await machine.close()


def _inside(lab: Lab, guest: GuestRecord) -> list[GuestRecord]:
    return [each for each in lab.state.guests if parent_of(each.path) == guest.path]
