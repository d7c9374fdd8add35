"""Save the guests of L0 while they run, to resume them in seconds as another lab."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from ipaddress import IPv4Network

from nestlab.deadline import Deadline
from nestlab.errors import HostError, UsageError
from nestlab.events import Progress, Sink, State
from nestlab.home import Home, make_folder
from nestlab.hypervisor.promote import gather_ready
from nestlab.hypervisor.protocol import Hypervisor
from nestlab.hypervisor.qemu.snapshot import save
from nestlab.image.store import ImageStore
from nestlab.lab.access.reach import log_in
from nestlab.lab.access.root import root_of
from nestlab.lab.build.ground import images_on, probe_host
from nestlab.lab.build.plan import Place
from nestlab.lab.build.wish import Wish, wishes
from nestlab.lab.change.control import Found
from nestlab.lab.change.stop import shut_down_inner
from nestlab.lab.network.wiring import wire
from nestlab.lab.record.opening import held
from nestlab.lab.record.running import Lab
from nestlab.lab.record.state import GuestRecord
from nestlab.lab.wanted.tree import must_be_known, tree_of
from nestlab.lab.warm.saved import (
    SavedGuest,
    Snapshot,
    find_snapshot,
    folder_on_host,
    forget_snapshot,
    must_be_a_name,
    must_be_unused,
    snapshots,
    write_snapshot,
)
from nestlab.machine.path import parent_of
from nestlab.machine.protocol import Machine
from nestlab.machine.shell import check
from nestlab.teardown import on_exit

_LOGIN, _SAVE = 60.0, 600.0


async def take(found: Found, name: str, *, stop: bool, home: Home, sink: Sink) -> Snapshot:
    """Save all guests of L0 that run; they run on afterwards.

    stop  whether guests inside them are switched off first; else they are a reason to refuse

    Raises UsageError `snapshot.name`, `snapshot.exists`, `snapshot.guests-running`, `lab.busy`;
    HostError `snapshot.not-possible`; and what reaching and saving them raises.
    """
    must_be_a_name(name)
    if any(each.name == name for each in snapshots(home)):
        raise UsageError(
            "snapshot.exists",
            f"there is a snapshot {name}",
            hint=f"take another name, or remove it: `nestlab snapshot {name} --remove`",
        )
    with held(*found) as lab:
        tops = _tops(lab)
        async with root_of(lab.state.host, deadline=Deadline.after(_LOGIN)) as machine:
            await _empty(lab, tops, machine, sink, stop=stop)
            return await _take(lab, tops, machine, name, home, sink)


def _tops(lab: Lab) -> list[GuestRecord]:
    """The guests of L0 that run. Raises UsageError `snapshot.nothing-runs`, and HostError."""
    tops = [each for each in lab.state.guests if parent_of(each.path) == "l0" and each.pid]
    if not tops:
        raise UsageError(
            "snapshot.nothing-runs",
            f"no guest of lab {lab.state.name or lab.state.id} runs",
            hint="start it first: `nestlab start`",
        )
    for each in tops:
        if each.spec is None or each.spec.storage != "virtio":
            raise HostError(
                "snapshot.not-possible",
                f"{each.path} cannot be saved: its disks hang on NVMe",
                hint=f"write `storage: virtio` for {each.path} in the lab file; it is made anew"
                " then",
            )
    return tops


async def _empty(
    lab: Lab, tops: Sequence[GuestRecord], machine: Machine, sink: Sink, *, stop: bool
) -> None:
    """Nobody runs in what is saved: what comes of that is not defined (kernel documentation)."""
    inner = [each for each in lab.state.guests if parent_of(each.path) != "l0" and each.pid]
    if inner and not stop:
        raise UsageError(
            "snapshot.guests-running",
            f"{', '.join(each.path for each in inner)} must be off before its parent is saved",
            hint="add --stop, or stop it first: `nestlab stop`",
        )
    for top in tops:
        await shut_down_inner(lab, top, machine, sink)


async def _take(
    lab: Lab, tops: Sequence[GuestRecord], machine: Machine, name: str, home: Home, sink: Sink
) -> Snapshot:
    state, folder = lab.state, folder_on_host(lab.state, name)
    async with AsyncExitStack() as stack:
        host = await probe_host(machine, state.wanted, sink)
        found = await _wishes(lab, tops, host, home, sink, stack)
        failed = AsyncExitStack()
        on_exit(failed, lambda: _remove(machine, folder))
        async with failed:
            guests = [await _save(lab, wish, host, folder, home, sink) for wish in found]
            snapshot = Snapshot(
                name=name,
                lab=state.name or state.id,
                created=datetime.now(UTC),
                host=state.host,
                folder=folder,
                images=state.images,
                networks=state.networks,
                guests=tuple(guests),
            )
            write_snapshot(home, snapshot)
            failed.pop_all()
        lab.kept = True  # its switches stay
    return snapshot


async def _wishes(
    lab: Lab,
    tops: Sequence[GuestRecord],
    host: Hypervisor,
    home: Home,
    sink: Sink,
    stack: AsyncExitStack,
) -> list[Wish]:
    """The plans by which they were started."""
    state, guests = lab.state, tree_of(tops)
    images = await images_on(host, lab, guests, home, sink)
    wiring = await wire(host, lab, guests, sink, stack)
    taken = {IPv4Network(each.subnet) for each in state.guests if each.subnet}
    place = Place(state.place, state.sockets, images)
    deadline = Deadline.after(_LOGIN)
    return await wishes(guests, host, place, state, wiring, taken, deadline=deadline)


async def _save(
    lab: Lab, wish: Wish, host: Hypervisor, folder: str, home: Home, sink: Sink
) -> SavedGuest:
    path, store = wish.plan.path, ImageStore(make_folder(home.images))
    record = must_be_known(lab.state, path)
    sink(Progress(path, "saving its memory and its disk"))
    guest = await log_in(record, host.machine, lab.folder, Deadline.after(_LOGIN))
    try:
        facts = await gather_ready(guest, deadline=Deadline.after(_SAVE))
        image = store.find(lab.state.images[wish.spec.image])
        manifest = await save(
            guest,
            host.machine,
            wish.plan,
            f"{folder}/{path}",
            facts=facts,
            host_facts=host.facts,
            image=image.manifest.disk_sha256 if image else "",
            deadline=Deadline.after(_SAVE),
        )
    finally:
        await guest.close()
    sink(Progress(path, f"saved, of QEMU {manifest.qemu}", State.DONE))
    return SavedGuest(path=path, folder=f"{folder}/{path}", spec=wish.spec, handed=wish.handed)


async def remove(home: Home, name: str) -> None:
    """Remove a snapshot. Raises UsageError `snapshot.unknown`, `snapshot.in-use`; MachineError."""
    snapshot = find_snapshot(home, name)
    must_be_unused(home, name)
    async with root_of(snapshot.host, deadline=Deadline.after(_LOGIN)) as machine:
        await _remove(machine, snapshot.folder)
    forget_snapshot(home, name)


async def _remove(machine: Machine, folder: str) -> None:
    argv = ("rm", "-rf", "--", folder)
    await check(machine, argv, deadline=Deadline.after(_LOGIN), code="snapshot.not-removed")
