"""sysbench threads and mutex: what it costs to let go of a CPU, and of a lock.

Both stress the scheduler: a vCPU that waits leaves the guest, and waking it is an exit of another.
"""

from dataclasses import dataclass
from typing import ClassVar

from nestlab.spec.counts import Count, at
from nestlab.workload.binding import bind
from nestlab.workload.protocol import Case, Command, Envelope, Figure, Metric, Parsed
from nestlab.workload.sysbench_text import LATENCIES, THREADS, TOTALS, mean_latency, read

RATE = Metric("events_per_second", "events/s", "higher")
LATENCY_MEAN = Metric("latency_mean", "ms", "lower")
LATENCY_P95 = Metric("latency_p95", "ms", "lower")
SECONDS = Metric("seconds", "s", "lower")

_WANTED = {**THREADS, **TOTALS, **LATENCIES}
_CONTENTION = 8
"""Threads for each vCPU: without a crowd nobody waits."""


def _crowds(threads: tuple[Count, ...] | None, vcpus: int) -> tuple[int, ...]:
    return (_CONTENTION * vcpus,) if threads is None else at(threads, vcpus)


@dataclass(frozen=True)
class SysbenchThreads:
    """`sysbench threads`: lock, yield, unlock, 1000 times an event.

    seconds  how long it runs
    threads  a case for each; None for eight on each vCPU
    """

    seconds: int = 10
    threads: tuple[Count, ...] | None = None

    name: ClassVar[str] = "sysbench-threads"
    needs: ClassVar[tuple[str, ...]] = ("taskset", "sysbench")
    metrics: ClassVar[tuple[Metric, ...]] = (RATE, LATENCY_MEAN, LATENCY_P95)

    def cases(self, *, vcpus: int, queue_cpus: int) -> tuple[Case, ...]:  # noqa: ARG002 - Workload's
        """One, with eight threads for each vCPU, unless others were given."""
        shape = {"time": self.seconds, "yields": 1000, "locks": 8}
        return tuple(
            Case(self.name, f"threads-{threads}", {"threads": threads, **shape})
            for threads in _crowds(self.threads, vcpus)
        )

    def command(self, case: Case, envelope: Envelope) -> Command:
        """Nothing to prepare."""
        seconds = case.number("time")
        argv = (
            *("sysbench", "threads", f"--threads={case.number('threads')}", f"--time={seconds}"),
            f"--thread-yields={case.number('yields')}",
            f"--thread-locks={case.number('locks')}",
            "run",
        )
        return Command((), bind(envelope, argv), (), expected_seconds=float(seconds))

    def parse(self, case: Case, stdout: bytes) -> Parsed:
        """Read sysbench's text. Raises WorkloadError as `Workload.parse` says."""
        version, values = read(case, stdout, _WANTED)
        return Parsed(
            figures=(
                Figure.of(RATE, values["events"] / values["total_time"]),
                Figure.of(LATENCY_MEAN, mean_latency(values)),
                Figure.of(LATENCY_P95, values["p95"]),
            ),
            tool_version=version,
            elapsed=values["total_time"],
        )


@dataclass(frozen=True)
class SysbenchMutex:
    """`sysbench mutex`: every thread takes so many locks of 4096 at random, and it ends.

    locks    how many each thread takes
    threads  a case for each; None for eight on each vCPU
    """

    locks: int = 50_000
    threads: tuple[Count, ...] | None = None

    name: ClassVar[str] = "sysbench-mutex"
    needs: ClassVar[tuple[str, ...]] = ("taskset", "sysbench")
    metrics: ClassVar[tuple[Metric, ...]] = (SECONDS,)

    def cases(self, *, vcpus: int, queue_cpus: int) -> tuple[Case, ...]:  # noqa: ARG002 - Workload's
        """One, with eight threads for each vCPU, unless others were given."""
        shape = {"locks": self.locks, "mutexes": 4096, "loops": 10_000}
        return tuple(
            Case(self.name, f"mutex-{threads}", {"threads": threads, **shape})
            for threads in _crowds(self.threads, vcpus)
        )

    def command(self, case: Case, envelope: Envelope) -> Command:
        """Nothing to prepare. There is no time to give: it ends when the locks were taken."""
        threads, locks = case.number("threads"), case.number("locks")
        argv = (
            *("sysbench", "mutex", f"--threads={threads}", f"--mutex-locks={locks}"),
            f"--mutex-num={case.number('mutexes')}",
            f"--mutex-loops={case.number('loops')}",
            "run",
        )
        # 3 us a lock on a host of 2020, and up to a hundred times that under emulation.
        return Command((), bind(envelope, argv), (), expected_seconds=threads * locks * 3e-4)

    def parse(self, case: Case, stdout: bytes) -> Parsed:
        """Read sysbench's text. Raises WorkloadError as `Workload.parse` says."""
        version, values = read(case, stdout, _WANTED)
        mean_latency(values)  # it must agree with itself
        seconds = values["total_time"]
        return Parsed((Figure.of(SECONDS, seconds),), version, seconds)
