"""Measure the same work at every level, one machine at a time."""

import random
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime

from nestlab.bench.course import Course
from nestlab.bench.envelope import envelope_of
from nestlab.bench.estimate import Estimate, expected_seconds
from nestlab.bench.jobs import Job, JobTurn, Subject
from nestlab.bench.ledger import Ledger
from nestlab.bench.quiet import Quiet, disturbances, listen
from nestlab.bench.rounds import turns
from nestlab.bench.runner import Outcome, Runner
from nestlab.bench.traces import Traces
from nestlab.deadline import Deadline
from nestlab.errors import MachineError, NestlabError, WorkloadError
from nestlab.events import Notice, Progress, Sink, State
from nestlab.machine.protocol import Machine
from nestlab.result.models import FactValue, Round, Sample, Status, Turn
from nestlab.units import format_duration
from nestlab.workload.protocol import runs_on_parent

_ASK = 60.0

_SKIPPED = frozenset({"workload.missing-program", "workload.unavailable"})
"""What a machine has not got is no failure of the workload."""


async def measure(
    subjects: Sequence[Subject],
    jobs: Sequence[Job],
    ledger: Ledger,
    *,
    machines: Sequence[Machine],
    cpus: int,
    course: Course,
    ours: Collection[int] = (),
    save_raw: Callable[[str, bytes], str],
    sink: Sink,
) -> None:
    """Run every job on every subject, once a round; the ledger has each sample at once.

    What the ledger has already is not run again. A workload that fails at one level is noted there
    and the rest goes on, also when a machine is lost: the others are measured to the end. Then
    raises its MachineError `machine.lost`.

    machines  all of the lab, L0 first
    ours      pids of the lab's QEMUs on L0
    """
    rounds = course.numbers(lambda: ledger.result)
    sequence = turns(subjects, jobs, rounds=rounds, seed=ledger.run.order_seed)
    try:
        async with AsyncExitStack() as stack:
            runner = Runner(machines, cpus, Traces(stack), save_raw, ledger.warn)
            bench = _Bench(subjects, jobs, ledger, runner, sink)
            planned = course.planned * bench.in_a_round
            for turn in sequence:
                if not ledger.has(turn.order):
                    await bench.begin(turn.round, ours)
                    await bench.take(turn, of=max(planned, bench.end_of_round(turn.order)))
    finally:
        ledger.end()
    if runner.lost:
        raise next(iter(runner.lost.values()))


@dataclass
class _Bench:
    """What the turns share.

    heard  L0 before each round
    round  the one that is being measured
    """

    subjects: Sequence[Subject]
    jobs: Sequence[Job]
    ledger: Ledger
    runner: Runner
    sink: Sink
    estimate: Estimate = field(default_factory=Estimate)
    heard: list[Quiet] = field(default_factory=list)
    round: int | None = None

    @property
    def in_a_round(self) -> int:
        return len(self.subjects) * len(self.jobs)

    def end_of_round(self, order: int) -> int:
        """The order of the last run of its round."""
        return -(-order // self.in_a_round) * self.in_a_round

    async def begin(self, number: int, ours: Collection[int]) -> None:
        """Listen to L0 before a round."""
        if number == self.round:
            return
        self.round, host = number, self.runner.machines[0]
        self.heard.append(await listen(host, ours, deadline=Deadline.after(_ASK)))
        first, before, now = self.heard[0], self.heard[-2:][0], self.heard[-1]
        warnings = tuple(disturbances(first, before, now))
        for warning in warnings:
            self.sink(Notice(f"warning: {warning}"))
        self.ledger.listened(Round(round=number, conditions=now.conditions, warnings=warnings))

    async def take(self, turn: JobTurn, *, of: int) -> None:
        """One run: announce it, do it, note what came of it."""
        path, job = turn.machine.machine.path, turn.case
        self.ledger.expect(of)
        self._announce(turn, of)
        began, started = time.monotonic(), datetime.now(UTC)
        try:
            outcome = await self.runner.run(turn)
        except (WorkloadError, MachineError) as problem:
            self._give_up(turn, problem, started)
            return
        self.ledger.took(_record(turn, started, "ok", outcome.timed.steal))
        self.ledger.add(path, job.case, outcome.parsed, _sampler(turn, outcome))
        self.estimate.saw((path, job.case), time.monotonic() - began)
        took = format_duration(outcome.timed.completed.elapsed)
        self.sink(Progress(path, f"{job.step}: {took}", State.DONE))

    def _announce(self, turn: JobTurn, of: int) -> None:
        left = format_duration(self.estimate.of(self._rest(turn.order, of)))
        told = f"{turn.case.step} ({turn.order} of {of}, about {left} left)"
        self.sink(Progress(turn.machine.machine.path, told))

    def _rest(self, order: int, of: int) -> list[tuple[object, float]]:
        """What is still to be run, this one included; the order within a round is left open."""
        whole, part = divmod(of - order + 1, self.in_a_round)
        each: list[tuple[object, float]] = [
            ((subject.machine.path, job.case), self._expected(subject, job))
            for job in self.jobs
            for subject in self.subjects
        ]
        return [*(each * whole), *each[len(each) - part :]]

    def _expected(self, subject: Subject, job: Job) -> float:
        if runs_on_parent(job.workload) and subject.origin.guest is None:
            return 0.0
        envelope = envelope_of(subject.target, self.runner.cpus)
        return expected_seconds(job.workload, job.case, envelope)

    def _give_up(self, turn: JobTurn, problem: NestlabError, started: datetime) -> None:
        """Note why there is no figure: what is missing is skipped, anything else failed."""
        path, job = turn.machine.machine.path, turn.case
        if problem.code in _SKIPPED:
            self.ledger.took(_record(turn, started, "skipped"))
            self.ledger.skip(path, job.case, job.workload.metrics, problem)
            self.sink(Progress(path, f"{job.step} skipped: {problem.message}", State.DONE))
        else:
            self.ledger.took(_record(turn, started, "failed"))
            self.ledger.fail(path, job.case, job.workload.metrics, problem)
            self.sink(Progress(path, f"{job.step} failed: {problem.message}", State.FAILED))


def _record(turn: JobTurn, started: datetime, status: Status, steal: float | None = None) -> Turn:
    conditions: dict[str, FactValue] = {} if steal is None else {"steal": steal}
    return Turn(
        order=turn.order,
        round=turn.round,
        machine=turn.machine.machine.path,
        workload=turn.case.case.workload,
        case=turn.case.case.case,
        started=started,
        status=status,
        conditions=conditions,
    )


def _sampler(turn: JobTurn, outcome: Outcome) -> Callable[[float], Sample]:
    def sample(value: float) -> Sample:
        return Sample(
            value=value,
            round=turn.round,
            order=turn.order,
            elapsed=outcome.timed.completed.elapsed,
            elapsed_tool=outcome.parsed.elapsed,
            elapsed_guest=outcome.timed.guest_seconds,
            raw=outcome.raw,
            warm_up=turn.warm_up,
            warnings=("clock-disagrees",) if outcome.doubtful else (),
        )

    return sample


def new_seed() -> int:
    """A seed for the order, recorded so that the order can be repeated."""
    return random.SystemRandom().randrange(1 << 31)
