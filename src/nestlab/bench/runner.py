"""One run of one case on one machine, and whether what it says can be believed."""

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from nestlab.analysis.clock import BEYOND, STALL, allowance, disagreement
from nestlab.bench.envelope import envelope_of
from nestlab.bench.fence import Fence
from nestlab.bench.jobs import Job, JobTurn, Subject
from nestlab.bench.launch import Timed, run_timed
from nestlab.bench.peer import of_the_peer, peer_for, serving
from nestlab.bench.prepare import LIMIT, Preparation, failed
from nestlab.bench.traces import Traces
from nestlab.deadline import Deadline
from nestlab.errors import MachineError, WorkloadError
from nestlab.machine.path import is_above
from nestlab.machine.protocol import Completed, Machine
from nestlab.units import format_size
from nestlab.workload.protocol import Parsed, runs_on_parent, wants_peer
from nestlab.workload.startable import Startable

_GRACE = 120.0
"""Seconds that a run may take beyond what its own options bound."""


@dataclass(frozen=True)
class Outcome:
    """What came of a run; `doubtful` when the machine's clock does not agree with L0's."""

    timed: Timed
    raw: str
    parsed: Parsed
    doubtful: bool


@dataclass
class Runner:
    """Runs turns one after another.

    machines  all of the lab, L0 first
    warn      told what every reader of the figures has to know
    lost      the machines that went, and how
    """

    machines: Sequence[Machine]
    cpus: int
    traces: Traces
    save_raw: Callable[[str, bytes], str]
    warn: Callable[[str], None]
    preparation: Preparation = field(default_factory=Preparation)
    lost: dict[str, MachineError] = field(default_factory=dict)

    async def run(self, turn: JobTurn) -> Outcome:
        """Prepare and run it; its output is kept whatever it says.

        Raises WorkloadError: `workload.*`; MachineError: `machine.*`, also for a machine that was
        lost before, or whose ancestor was.
        """
        path = turn.machine.machine.path
        for gone, problem in self.lost.items():
            if is_above(gone, path):
                raise problem  # nothing is waited for again
        place, guest = _place(turn)
        try:
            timed = await self._timed(turn.case, place, guest)
        except MachineError as problem:
            if problem.code == "machine.lost":
                self.lost.setdefault(place.machine.path, problem)
            raise
        done = timed.completed
        raw = self.save_raw(f"{turn.order:03d}-{path}-{turn.case.step}.out", done.stdout)
        parsed = _parse(turn.case, done)
        return Outcome(timed, raw, parsed, doubtful=_disagreement(place, timed) != 0)

    async def _timed(self, job: Job, subject: Subject, guest: Startable | None) -> Timed:
        found = await peer_for(subject.peers, job.case) if wants_peer(job.workload) else None
        envelope = envelope_of(subject.target, self.cpus, found[1] if found else None, guest)
        command = job.workload.command(job.case, envelope)
        self.traces.owe(subject.machine, command.cleanup)
        await self.preparation.make(subject.machine, job.workload, command)
        if command.cold:
            await self.traces.drop_caches(self.machines, subject.machine.path, self.warn)
            await self.preparation.reload(subject.machine, command)
        allowed = max(command.expected_seconds, command.bound) + _GRACE
        # It bounds the page cache, past which a guest's disks are read; the code that emulation
        # makes of a guest (QEMU's `tb-size`) would not fit.
        fence = Fence(None) if guest else subject.fence
        async with AsyncExitStack() as servers:
            if found and command.server:
                neighbour, peer = found
                with of_the_peer():
                    await self.preparation.ask(neighbour.machine, job.workload)
                server = serving(neighbour.machine, command.server, peer.port, allowed)
                await servers.enter_async_context(server)
            argv, deadline = fence.around(command.argv), Deadline.after(allowed)
            return await run_timed(subject.machine, argv, deadline=deadline, limit=LIMIT)


def _place(turn: JobTurn) -> tuple[Subject, Startable | None]:
    """Where it runs: on the machine, or on its parent. Raises WorkloadError."""
    if runs_on_parent(turn.case.workload):
        return turn.machine.origin.found()
    return turn.machine, None


def _disagreement(subject: Subject, timed: Timed) -> float:
    """Seconds by which the machine's clock differs. Raises WorkloadError `workload.clock`."""
    elapsed, counted = timed.completed.elapsed, timed.guest_seconds
    allowed = allowance(subject.launch)
    if excess := disagreement(elapsed, counted, allowed=allowed + STALL, tolerance=BEYOND):
        raise WorkloadError(
            "workload.clock",
            f"the clock of {subject.machine.path} ran {'fast' if excess > 0 else 'slow'}: it"
            f" counted {counted:.2f} s where l0 counted {elapsed:.2f} s",
            where=subject.machine.path,
            hint="look at its clocksource (`nestlab doctor`); what it says of time is no figure",
        )
    return disagreement(elapsed, counted, allowed=allowed)


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
