"""Make the guests of a lab be as they shall be, by what is there and by what is missing."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from nestlab.deadline import Deadline
from nestlab.events import Sink
from nestlab.home import Home, make_folder
from nestlab.hypervisor.accelerator import Wanted
from nestlab.lab.access.root import root_of
from nestlab.lab.build.chain import bring_up
from nestlab.lab.build.ground import images_on, probe_host
from nestlab.lab.build.proof import Proof
from nestlab.lab.enter.ssh_config import write_access
from nestlab.lab.network.names import tell_names
from nestlab.lab.record.place import ensure_sockets, make_place
from nestlab.lab.record.running import Lab
from nestlab.lab.wanted.request import ATTEMPTS, Request
from nestlab.lab.wanted.spec import GuestSpec
from nestlab.lab.warm.saved import Snapshot
from nestlab.lab.warm.thaw import warm_guests
from nestlab.result.store import RunFolder

_LOGIN = 60.0


@dataclass(frozen=True)
class Terms:
    """How a lab is brought up.

    wanted        which accelerator L0's guests shall have
    boot_timeout  seconds that each guest has until its shell answers
    started       told the folder of consoles and logs as soon as there is one
    """

    wanted: Wanted = "auto"
    boot_timeout: float = 300.0
    started: Callable[[Path], None] = lambda _folder: None


async def reconcile(
    lab: Lab,
    guests: Sequence[GuestSpec],
    terms: Terms,
    home: Home,
    sink: Sink,
    snapshot: Snapshot | None = None,
) -> None:
    """Start, build or make anew what is not as it shall be, and prove every machine of `guests`.

    Raises as `standing` does.
    """
    async with standing(lab, guests, terms, home, sink, snapshot):
        pass


@asynccontextmanager
async def standing(
    lab: Lab,
    guests: Sequence[GuestSpec],
    terms: Terms,
    home: Home,
    sink: Sink,
    snapshot: Snapshot | None = None,
) -> AsyncIterator[list[Proof]]:
    """The same, with the machines in hand; they stay when the context is left.

    What is up and right is left alone, and so are machines that are not among `guests`. When it
    fails, or the context is left by an error, what it has started is taken down again; disks that
    were there before stay.

    snapshot  what guests of L0 that are new are resumed from

    Raises NestlabError: everything that can go wrong on the way.
    """
    wanted = lab.state.wanted if terms.wanted == "auto" else terms.wanted
    lab.record(wanted=wanted)
    async with root_of(lab.state.host, deadline=Deadline.after(_LOGIN)) as machine:
        if lab.state.host and not lab.state.guests:
            place, sockets = await make_place(machine, lab.state.id)
            lab.record(place=place, sockets=sockets)
        await ensure_sockets(machine, lab.state)
        host = await probe_host(machine, wanted, sink, {each.hypervisor for each in guests})
        images = await images_on(host, lab, guests, home, sink)
        folder = RunFolder.create(make_folder(home.runs))
        terms.started(folder.path)
        saved = await warm_guests(snapshot, host, home) if snapshot else {}
        request = Request(guests, images, terms.boot_timeout, attempts=ATTEMPTS, saved=saved)
        evidence = folder.path / "machines"
        async with bring_up(request, lab, host, evidence=evidence, sink=sink) as proofs:
            lab.keep()
            await tell_names(lab, machine, sink)
            write_access(lab.state, lab.folder)
            yield proofs
