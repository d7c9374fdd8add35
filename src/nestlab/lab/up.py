"""Bring a lab up from its file, and leave it running."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from nestlab.errors import UsageError
from nestlab.events import Notice, Sink
from nestlab.home import Home, make_folder
from nestlab.hypervisor.accelerator import Wanted
from nestlab.lab.chain import bring_up
from nestlab.lab.climb import ATTEMPTS, Request
from nestlab.lab.down import labs, sweep
from nestlab.lab.enter import write_access
from nestlab.lab.ground import find_image, probe_host
from nestlab.lab.proof import prove
from nestlab.lab.running import Lab
from nestlab.lab.spec import GuestSpec
from nestlab.result.store import RunFolder


@dataclass(frozen=True)
class Wish:
    """A lab that shall be there.

    name          the lab's name; no two that are up share one
    boot_timeout  seconds that each guest has until its shell answers
    """

    name: str
    guests: Sequence[GuestSpec]
    wanted: Wanted
    boot_timeout: float


async def up(wish: Wish, home: Home, sink: Sink, *, started: Callable[[Path], None]) -> Lab:
    """Probe, build what is missing, boot, prove every machine; the lab stays.

    `started` is told the folder of consoles and logs as soon as there is one. Raises NestlabError:
    `lab.name-taken` and everything that can go wrong on the way; nothing is left then.
    """
    for lab_id in await sweep(home):
        sink(Notice(f"took down lab {lab_id}, left over from a nestlab that was killed"))
    _must_be_free(wish.name, home)
    host = await probe_host(wish.wanted, sink)
    image = await find_image(home, sink)
    folder = RunFolder.create(make_folder(home.runs))
    started(folder.path)
    request = Request(wish.guests, image, wish.boot_timeout, attempts=ATTEMPTS)
    evidence = folder.path / "machines"
    async with bring_up(request, home, host, evidence=evidence, sink=sink) as lab:
        lab.record(name=wish.name)
        await prove(lab, sink)
        write_access(lab.state, lab.folder)
        lab.keep()
    return lab


def _must_be_free(name: str, home: Home) -> None:
    for _, state in labs(home):
        if state.name == name:
            raise UsageError(
                "lab.name-taken",
                f"a lab named {name} is up already (id {state.id})",
                hint=f"look at it with `nestlab status {name}`, take it down with"
                f" `nestlab down {name}`",
            )
