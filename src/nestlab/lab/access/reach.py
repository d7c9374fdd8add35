"""Reaching a machine of a lab that is up, from another process."""

import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from nestlab.deadline import Deadline
from nestlab.errors import MachineError, StoredDataError
from nestlab.lab.access.root import root_of
from nestlab.lab.record.keys import FILE
from nestlab.lab.record.state import GuestRecord, LabState
from nestlab.machine.protocol import Machine


@asynccontextmanager
async def reach(
    folder: Path, state: LabState, path: str, *, deadline: Deadline
) -> AsyncIterator[Machine]:
    """The machine at `path`, by SSH through each of its ancestors; `l0` is the lab's root.

    Raises StoredDataError `lab.no-such-machine`, and what `open_ssh` and `open_remote` raise.
    """
    names = [] if path == "l0" else path.split("/")
    async with AsyncExitStack() as stack:
        machine = await stack.enter_async_context(root_of(state.host, deadline=deadline))
        for number in range(1, len(names) + 1):
            guest = record_of(state, "/".join(names[:number]))
            machine = await log_in(guest, machine, folder, deadline)
            stack.push_async_callback(machine.close)
        yield machine


async def log_in(guest: GuestRecord, parent: Machine, folder: Path, deadline: Deadline) -> Machine:
    """A guest through its parent, with the key in the lab's folder. Raises as `open_ssh` does."""
    from nestlab.machine.ssh import open_ssh  # noqa: PLC0415  (asyncssh costs time)

    return await open_ssh(
        path=guest.path,
        sock=await _dial(guest, parent),
        username="root",
        client_key=folder / FILE,
        host_key=guest.host_key,
        deadline=deadline,
    )


async def _dial(guest: GuestRecord, parent: Machine) -> socket.socket:
    try:
        return await parent.dial(("127.0.0.1", guest.ssh_port or 0))
    except MachineError as problem:
        if problem.code != "machine.refused":
            raise
        raise MachineError(
            "machine.not-running",
            f"{guest.path} does not run any more: nothing listens at its port {guest.ssh_port}",
            where=f"{parent.path}, while connecting to {guest.path}",
            hint=f"look at it with `nestlab status`; `nestlab start {guest.path}` starts it from"
            " its disk",
        ) from problem


def record_of(state: LabState, path: str) -> GuestRecord:
    """What the lab's state says of a machine. Raises StoredDataError `lab.no-such-machine`."""
    for guest in state.guests:
        if guest.path == path and guest.ssh_port is not None:
            return guest
    known = ", ".join(guest.path for guest in state.guests if guest.ssh_port) or "none"
    raise StoredDataError(
        "lab.no-such-machine",
        f"lab {state.id} has no machine {path} that is up",
        hint=f"its machines: {known}",
    )
