"""From the words of a command line to a bench: which lab, what of it, and the run it goes into."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from nestlab import __version__
from nestlab.bench.course import MOST, QUICK_ROUNDS, Course
from nestlab.bench.ledger import Ledger
from nestlab.bench.measure import new_seed
from nestlab.bench.order import BenchOrder, asked, write_order
from nestlab.errors import StoredDataError
from nestlab.events import Sink
from nestlab.home import Home, make_folder
from nestlab.lab.build.reconcile import Terms
from nestlab.lab.change.down import down
from nestlab.lab.change.up import up
from nestlab.lab.measure.bench import Wanted, bench, known
from nestlab.lab.measure.choice import choose
from nestlab.lab.record.known import find_lab, named, words_of
from nestlab.lab.record.state import LabState
from nestlab.lab.wanted.goal import Goal, goal_of
from nestlab.result.models import Run
from nestlab.result.store import RunFolder
from nestlab.spec.bench import Bench
from nestlab.teardown import on_exit
from nestlab.workload.protocol import Workload

_FILE = Path("lab.yaml")


@dataclass(frozen=True)
class Asked:
    """A command line; `rounds` None: what the lab file says."""

    workloads: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    rounds: int | None = None
    quick: bool = False
    until: float | None = None
    most: int = MOST
    warm_up: bool = True
    archive: Path | None = None


@dataclass(frozen=True)
class Job:
    """A bench that can begin.

    goal    the lab to be brought up first; None: it is there
    folder  of the run that is gone on with
    """

    order: BenchOrder
    goal: Goal | None = None
    folder: RunFolder | None = None


def ordered(home: Home, word: str | None, asked_for: Asked) -> Job:
    """A new bench of the lab that a word means: a known lab's, or a lab file.

    Raises StoredDataError `lab.unknown`, UsageError `bench.no-such-machine`, and what `goal_of`
    raises.
    """
    file = _file_of(home, word)
    if file is not None:
        goal = goal_of(home, file)
        return Job(_order(goal.name, goal.bench, goal.folder, asked_for), goal)
    _, state = find_lab(home, word)
    known(state, asked_for.paths)
    return Job(_order(state.id, state.bench, state.file_folder, asked_for))


def goes_on(home: Home, run: str) -> Job:
    """A bench that broke off. Raises StoredDataError `bench.not-resumable`, `result.missing`."""
    kept = home.runs / run
    folder = RunFolder(kept if kept.exists() else Path(run))
    if not folder.path.is_dir():
        raise StoredDataError(
            "result.missing", f"there is no run {run}", hint=f"the runs are in {home.runs}"
        )
    return Job(asked(folder), folder=folder)


async def run_job(
    job: Job,
    home: Home,
    sink: Sink,
    *,
    argv: tuple[str, ...],
    keep: bool,
    started: Callable[[RunFolder], None],
) -> None:
    """Bring the lab up if it is not, and measure.

    A lab that was not up is taken down again unless `keep`. `started` is told the run's folder as
    soon as there is one. Raises NestlabError.
    """
    workloads = await choose_for(job.order, home)
    async with AsyncExitStack() as stack:
        order = job.order
        if job.goal:
            there = named(home, job.goal.name) is not None
            lab = await up(job.goal, Terms(), home, sink)
            order = order.model_copy(update={"lab": lab.state.id})
            if not (there or keep):
                on_exit(stack, lambda: down(*find_lab(home, order.lab), sink=sink))
        found = find_lab(home, order.lab)
        folder, ledger = _run(job, order, found[1], argv, home)
        started(folder)
        wanted = Wanted(workloads, order.course, order.paths)
        await bench(found, wanted, ledger, folder, home, sink)


async def choose_for(order: BenchOrder, home: Home) -> tuple[Workload, ...]:
    """The workloads that an order is about. Raises as `choose` does."""
    words = (order.workloads, order.bench, order.size, order.archive, home)
    return await choose(*words, folder=order.folder)


def _file_of(home: Home, word: str | None) -> Path | None:
    """The lab file that is meant, if one is: a known lab's name goes before a file's."""
    if word is None:
        return _FILE if _FILE.is_file() else None
    if word in words_of(home):
        return None
    file = Path(word)
    return file if file.suffix in {".yaml", ".yml"} or file.is_file() else None


def _order(lab: str, bench: Bench, folder: Path, words: Asked) -> BenchOrder:
    rounds = words.rounds or (QUICK_ROUNDS if words.quick else bench.rounds)
    return BenchOrder(
        lab=lab,
        workloads=words.workloads,
        bench=bench,
        folder=folder,
        size="quick" if words.quick else "full",
        archive=words.archive,
        paths=words.paths,
        course=Course(rounds, words.warm_up, words.until, max(words.most, rounds)),
    )


def _run(
    job: Job, order: BenchOrder, state: LabState, argv: tuple[str, ...], home: Home
) -> tuple[RunFolder, Ledger]:
    """The run's folder, and what is in it already."""
    if job.folder:
        return job.folder, Ledger.resumed(job.folder.load(), job.folder.save)
    folder = RunFolder.create(make_folder(home.runs))
    write_order(order, folder)
    run = Run(
        id=folder.id,
        started=datetime.now(UTC),
        nestlab_version=__version__,
        argv=argv,
        lab_sha256=state.file_sha256,
        order_seed=new_seed(),
    )
    return folder, Ledger(run=run, save=folder.save)
