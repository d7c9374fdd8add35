"""The whole chain in one go: image, guests, proof, figures."""

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from nestlab import __version__
from nestlab.bench.course import Course
from nestlab.bench.ledger import Ledger
from nestlab.bench.measure import new_seed
from nestlab.events import Notice, Progress, Sink, State
from nestlab.home import Home, make_folder
from nestlab.hypervisor.accelerator import Wanted
from nestlab.lab.build.chain import bring_up
from nestlab.lab.build.ground import images_on, probe_host
from nestlab.lab.change.down import sweep
from nestlab.lab.measure.measurement import measure_lab
from nestlab.lab.record.opening import made
from nestlab.lab.record.running import Lab
from nestlab.lab.wanted.request import ATTEMPTS, Request
from nestlab.lab.wanted.spec import chain_of
from nestlab.machine.local import LocalMachine
from nestlab.result.models import Result, Run
from nestlab.result.store import RunFolder
from nestlab.workload.protocol import Workload


@dataclass(frozen=True)
class Demo:
    """What the user asked for.

    boot_timeout  seconds that each guest has until its shell answers
    """

    depth: int
    wanted: Wanted
    boot_timeout: float
    rounds: int
    workloads: Sequence[Workload]
    keep: bool
    argv: tuple[str, ...]


@dataclass(frozen=True)
class Outcome:
    """What came of it; `lab` is None when it was taken down."""

    result: Result
    folder: Path
    lab: Lab | None


async def run_demo(
    demo: Demo, home: Home, sink: Sink, *, started: Callable[[Path], None]
) -> Outcome:
    """Probe, build, boot, verify, measure; everything is taken down unless `keep`.

    `started` is told the run folder as soon as there is one. Raises NestlabError.
    """
    guests = chain_of(demo.depth)
    for lab_id in await sweep(home):
        sink(Notice(f"took down lab {lab_id}, left over from a nestlab that was killed"))
    host = await probe_host(LocalMachine(), demo.wanted, sink)
    folder = RunFolder.create(make_folder(home.runs))
    started(folder.path)
    run = Run(
        id=folder.id,
        started=datetime.now(UTC),
        nestlab_version=__version__,
        argv=demo.argv,
        order_seed=new_seed(),
    )
    ledger = Ledger(run=run, save=folder.save)
    evidence = folder.path / "machines"
    async with AsyncExitStack() as stack:
        lab = await stack.enter_async_context(made(home))
        images = await images_on(host, lab, guests, home, sink)
        request = Request(guests, images, demo.boot_timeout, attempts=ATTEMPTS)
        up = bring_up(request, lab, host, evidence=evidence, sink=sink)
        proofs = await stack.enter_async_context(up)
        course = Course(rounds=demo.rounds, warm_up=False)
        await measure_lab(lab, proofs, demo.workloads, ledger, folder, course=course, sink=sink)
        if demo.keep:
            lab.keep()
        else:
            sink(Progress("lab", "taking everything down"))
    sink(Progress("lab", "kept running" if demo.keep else "everything is down", State.DONE))
    return Outcome(ledger.result, folder.path, lab if demo.keep else None)
