"""What is done to machines of a lab that is there: stop, start, reboot, add, grow, remove."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from nestlab.deadline import Deadline
from nestlab.events import Progress, Sink, State
from nestlab.home import Home
from nestlab.hypervisor.qemu.process import end
from nestlab.lab.access.reach import reach
from nestlab.lab.access.root import root_of
from nestlab.lab.build.reconcile import Terms, reconcile
from nestlab.lab.build.together import together
from nestlab.lab.change.residue import tidy_after
from nestlab.lab.change.stop import shut_down
from nestlab.lab.network.names import tell_names
from nestlab.lab.network.wiring import changes_networks
from nestlab.lab.record.keys import host_key_file
from nestlab.lab.record.opening import held
from nestlab.lab.record.running import Lab
from nestlab.lab.record.state import LabState
from nestlab.lab.wanted.spec import GuestSpec
from nestlab.lab.wanted.tree import branch, changed, must_be_known, must_have_networks, with_guest
from nestlab.machine.path import is_above, parent_of
from nestlab.machine.protocol import Machine
from nestlab.machine.shell import check

Found = tuple[Path, LabState]
"""A lab as `find_lab` gives it."""

_REACH = 60.0


async def stop(found: Found, path: str, sink: Sink) -> None:
    """Switch a machine and all in it off; their disks stay. `l0`: the whole lab.

    Raises UsageError `lab.busy`; StoredDataError `lab.no-such-machine`; CleanupError
    `guest.still-running`; what `reach` raises.
    """
    with held(*found) as lab:
        await _stop(lab, path, sink, stopped=True)


async def start(found: Found, path: str, terms: Terms, home: Home, sink: Sink) -> Lab:
    """Start a machine, its ancestors and all in it from their disks. `l0`: the whole lab.

    What runs already is left alone. Raises as `stop` and `reconcile` do.
    """
    with held(*found) as lab:
        await reconcile(lab, branch(lab.state, path), terms, home, sink)
        return lab


async def reboot(found: Found, path: str, terms: Terms, home: Home, sink: Sink) -> Lab:
    """Stop a machine and start it, and what ran in it. Raises as `stop` and `reconcile` do."""
    with held(*found) as lab:
        guests = branch(lab.state, path, stopped=False)
        await _stop(lab, path, sink)
        await reconcile(lab, guests, terms, home, sink)
        return lab


async def add(
    found: Found, parent: str, guest: GuestSpec, terms: Terms, home: Home, sink: Sink
) -> Lab:
    """Make one more guest in a machine; all that run learn its name.

    Where its networks have to be carried to it, or get a smaller MTU by it, all that runs is seen
    to, since machines on them start again.

    Raises UsageError `lab.machine-exists`, `lab.unknown-network`, and as `start`.
    """
    with held(*found) as lab:
        must_have_networks(lab.state, guest.networks)
        whole = changes_networks(lab.state, parent, guest.networks)
        guests = with_guest(lab.state, parent, guest, whole=whole)
        await reconcile(lab, guests, terms, home, sink)
        return lab


async def resize(
    found: Found, path: str, change: dict[str, object], terms: Terms, home: Home, sink: Sink
) -> Lab:
    """Give a machine other vCPUs, memory or a larger disk, with a new start of it and all in it.

    change  keys of GuestSpec

    Raises UsageError `lab.disk-shrinks`, and as `start` does.
    """
    with held(*found) as lab:
        guests = changed(branch(lab.state, path, stopped=False), path, change)
        await reconcile(lab, guests, terms, home, sink)
        return lab


async def remove(found: Found, path: str, sink: Sink) -> None:
    """Take a machine and all in it away, with their disks; those that run forget their names.

    Raises as `stop` does; MachineError `guest.folder-not-removed`.
    """
    with held(*found) as lab:
        record = must_be_known(lab.state, path)
        async with _parent(lab, path) as machine:
            sink(Progress(path, "taking it away"))
            deadline = Deadline.after(_REACH)
            await end(machine, record.identity, patience=0, deadline=deadline)
            await tidy_after(record, machine, deadline=deadline)
            argv = ("rm", "-rf", "--", record.folder, record.sockets)
            await check(machine, argv, deadline=deadline, code="guest.folder-not-removed")
        for each in (guest for guest in lab.state.guests if is_above(path, guest.path)):
            host_key_file(lab.folder, each.identity).unlink(missing_ok=True)
        lab.forget(path)
        sink(Progress(path, "gone, with its disk", State.DONE))
        async with root_of(lab.state.host, deadline=Deadline.after(_REACH)) as root:
            await tell_names(lab, root, sink)


async def _stop(lab: Lab, path: str, sink: Sink, **changes: object) -> None:
    first = [each.path for each in lab.state.guests if parent_of(each.path) == "l0"]
    tops = first if path == "l0" else [must_be_known(lab.state, path).path]
    if not tops:
        return
    async with _parent(lab, tops[0]) as machine:
        await together(shut_down(lab, top, machine, sink, **changes) for top in tops)


@asynccontextmanager
async def _parent(lab: Lab, path: str) -> AsyncIterator[Machine]:
    deadline = Deadline.after(_REACH)
    async with reach(lab.folder, lab.state, parent_of(path), deadline=deadline) as machine:
        yield machine
