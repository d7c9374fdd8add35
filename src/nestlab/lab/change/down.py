"""Taking a lab down from its state alone: kept labs, and what a killed nestlab left."""

from contextlib import suppress
from pathlib import Path

from nestlab.bench.fence import remove_fence
from nestlab.deadline import Deadline
from nestlab.errors import UsageError
from nestlab.events import Progress, Sink, State, discard
from nestlab.home import Home
from nestlab.hypervisor.qemu.process import end
from nestlab.hypervisor.switch import end_switch, switch_identity
from nestlab.lab.access.root import root_of
from nestlab.lab.change.residue import tidy_after
from nestlab.lab.record.folder import remove_lab, remove_leftovers
from nestlab.lab.record.known import labs
from nestlab.lab.record.opening import held
from nestlab.lab.record.place import remove_place
from nestlab.lab.record.state import LabState, lab_state
from nestlab.machine.path import parent_of

_PATIENCE, _LOGIN = 30.0, 60.0


async def down(folder: Path, state: LabState, *, sink: Sink = discard) -> None:
    """End the guests that run on L0 (theirs go with them) and remove the lab.

    Only processes that carry the lab's id are touched. When it is interrupted, the lab is still
    known, and doing it again goes on with it. Raises UsageError `lab.busy`, CleanupError, and what
    `root_of` raises.
    """
    with held(folder, state) as lab:
        state = lab.state
        async with root_of(state.host, deadline=Deadline.after(_LOGIN)) as machine:
            for guest in state.guests:
                if parent_of(guest.path) == "l0":
                    sink(Progress(guest.path, "ending its QEMU"))
                    deadline = Deadline.after(_PATIENCE)
                    await end(machine, guest.identity, patience=0, deadline=deadline)
                    await tidy_after(guest, machine, deadline=deadline)
                    sink(Progress(guest.path, "ended, with all that ran in it", State.DONE))
            for network in state.networks:
                identity = switch_identity(state.id, network.name)
                await end_switch(machine, identity, deadline=Deadline.after(_PATIENCE))
            await remove_fence(machine, state.id)
            sink(Progress("lab", "removing its folders"))
            await remove_place(machine, state)
        remove_lab(folder, state)
    sink(Progress("lab", f"{state.id} is down", State.DONE))


async def sweep(home: Home) -> list[str]:
    """Take down labs whose nestlab was killed; returns their ids.

    Raises StoredDataError `lab.damaged`, CleanupError.
    """
    remove_leftovers(home)
    swept = []
    for folder, state in labs(home):
        if lab_state(state, folder) == "left over":
            with suppress(UsageError):  # another nestlab takes it down at this moment
                await down(folder, state)
                swept.append(state.id)
    return swept
