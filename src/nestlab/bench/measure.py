"""Measure the same work at every level, one machine at a time."""

import contextlib
import random
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from nestlab.bench.disk import drop_caches
from nestlab.bench.envelope import Target, envelope_of, queue_cpus
from nestlab.bench.launch import Timed, run_timed
from nestlab.bench.ledger import Ledger
from nestlab.bench.prepare import LIMIT, Preparation, failed
from nestlab.bench.rounds import Turn, turns
from nestlab.deadline import Deadline
from nestlab.errors import MachineError, NestlabError, WorkloadError
from nestlab.events import Progress, Sink, State
from nestlab.machine.path import is_above
from nestlab.machine.protocol import Completed, Machine
from nestlab.result.models import Sample
from nestlab.units import format_duration, format_size
from nestlab.workload.protocol import Argv, Case, Parsed, Workload

_GRACE = 120.0
"""Seconds that a run may take beyond what its own options bound."""

_SKIPPED = frozenset({"workload.missing-program", "workload.unavailable"})
"""What a machine has not got is no failure of the workload."""


@dataclass(frozen=True)
class Subject:
    """A machine to be measured, and what is known of it."""

    machine: Machine
    target: Target


@dataclass(frozen=True)
class Job:
    """One case of one workload, the same for every machine."""

    workload: Workload
    case: Case


def jobs_of(
    workloads: Sequence[Workload], targets: Sequence[Target], *, cpus: int
) -> tuple[Job, ...]:
    """Every case, sized by the guests' vCPUs and the disks' queue maps."""
    queues = queue_cpus(targets, cpus)
    return tuple(
        Job(workload, case)
        for workload in workloads
        for case in workload.cases(vcpus=cpus, queue_cpus=queues)
    )


async def measure(
    subjects: Sequence[Subject],
    jobs: Sequence[Job],
    ledger: Ledger,
    *,
    cpus: int,
    rounds: int,
    save_raw: Callable[[str, bytes], str],
    sink: Sink,
) -> None:
    """Run every job on every subject, `rounds` times; the ledger has each sample at once.

    A workload that fails at one level is noted there and the rest goes on, also when a machine is
    lost: the others are measured to the end. Then raises its MachineError `machine.lost`.
    """
    sequence = list(turns(subjects, jobs, rounds=rounds, seed=ledger.run.order_seed))
    async with AsyncExitStack() as stack:
        bench = _Bench(subjects, ledger, cpus, save_raw, sink, stack)
        for turn in sequence:
            await bench.take(turn, of=len(sequence))
    if bench.lost:
        raise next(iter(bench.lost.values()))


@dataclass
class _Bench:
    """What the turns share.

    owed  what is to be run on which machine when all is measured
    """

    subjects: Sequence[Subject]
    ledger: Ledger
    cpus: int
    save_raw: Callable[[str, bytes], str]
    sink: Sink
    stack: AsyncExitStack
    preparation: Preparation = field(default_factory=Preparation)
    lost: dict[str, MachineError] = field(default_factory=dict)
    owed: set[tuple[str, Argv]] = field(default_factory=set)

    async def take(self, turn: Turn[Subject, Job], *, of: int) -> None:
        """One run: announce it, do it, note what came of it."""
        machine, job = turn.machine.machine, turn.case
        step = f"{job.workload.name} {job.case.case}"
        self.sink(Progress(machine.path, f"{step} ({turn.order} of {of})"))
        try:
            timed = await self._run(turn)
            done = timed.completed
            raw = self.save_raw(f"{turn.order:03d}-{machine.path}-{step}.out", done.stdout)
            parsed = _parse(job, done)
        except (WorkloadError, MachineError) as problem:
            if problem.code == "machine.lost" and isinstance(problem, MachineError):
                self.lost.setdefault(machine.path, problem)
            self._give_up(turn, step, problem)
            return
        samples = _sampler(turn, timed, raw, parsed)
        self.ledger.add(machine.path, job.case, parsed, samples)
        self.sink(Progress(machine.path, f"{step}: {format_duration(done.elapsed)}", State.DONE))

    def _give_up(self, turn: Turn[Subject, Job], step: str, problem: NestlabError) -> None:
        """Note why there is no figure: what is missing is skipped, anything else failed."""
        path, job = turn.machine.machine.path, turn.case
        if problem.code in _SKIPPED:
            self.ledger.skip(path, job.case, job.workload.metrics, problem)
            self.sink(Progress(path, f"{step} skipped: {problem.message}", State.DONE))
        else:
            self.ledger.fail(path, job.case, job.workload.metrics, problem)
            self.sink(Progress(path, f"{step} failed: {problem.message}", State.FAILED))

    async def _run(self, turn: Turn[Subject, Job]) -> Timed:
        subject, job = turn.machine, turn.case
        for path, problem in self.lost.items():
            if is_above(path, subject.machine.path):
                raise problem  # gone, or its ancestor is: nothing is waited for again
        envelope = envelope_of(subject.target, self.cpus)
        command = job.workload.command(job.case, envelope)
        self._owe(subject.machine, command.cleanup)
        await self.preparation.make(subject.machine, job.workload, command)
        if command.cold:
            await self._drop_caches(subject.machine.path)
        deadline = Deadline.after(command.expected_seconds + _GRACE)
        return await run_timed(subject.machine, command.argv, deadline=deadline, limit=LIMIT)

    def _owe(self, machine: Machine, cleanup: Sequence[Argv]) -> None:
        """Whatever happens next, this is run once when all is measured."""
        for undo in cleanup:
            if (machine.path, undo) not in self.owed:
                self.owed.add((machine.path, undo))
                self.stack.push_async_callback(_remove, machine, undo)

    async def _drop_caches(self, path: str) -> None:
        """On the machine and all its ancestors."""
        for subject in self.subjects:
            above = subject.machine.path
            if not is_above(above, path):
                continue
            if not await drop_caches(subject.machine, deadline=Deadline.after(_GRACE)):
                self.ledger.warn(
                    f"the page cache of {above} could not be dropped before storage runs"
                    " (that needs root): cached reads may flatter the levels above it"
                )


def _sampler(
    turn: Turn[Subject, Job], timed: Timed, raw: str, parsed: Parsed
) -> Callable[[float], Sample]:
    def sample(value: float) -> Sample:
        return Sample(
            value=value,
            round=turn.round,
            order=turn.order,
            elapsed=timed.completed.elapsed,
            elapsed_tool=parsed.elapsed,
            elapsed_guest=timed.guest_seconds,
            raw=raw,
        )

    return sample


async def _remove(machine: Machine, argv: Argv) -> None:
    """Remove a laid-out file; where the machine is gone, so is the file."""
    with contextlib.suppress(MachineError):
        await machine.run(argv, deadline=Deadline.after(_GRACE))


def _parse(job: Job, done: Completed) -> Parsed:
    """The figures; of a run that failed, the tool's own reason if its output has one."""
    if done.truncated:
        raise WorkloadError(
            "workload.too-much-output",
            f"{job.workload.name} printed more than {format_size(LIMIT)}; the rest is thrown away",
            hint="a benchmark prints a page or two: read the raw output",
        )
    try:
        parsed = job.workload.parse(job.case, done.stdout)
    except WorkloadError as problem:
        if done.ok or problem.code == "workload.failed":
            raise
        raise failed(job.workload.name, done) from problem
    if not done.ok:
        raise failed(job.workload.name, done)
    return parsed


def new_seed() -> int:
    """A seed for the order, recorded so that the order can be repeated."""
    return random.SystemRandom().randrange(1 << 31)
