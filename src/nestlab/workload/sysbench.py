"""sysbench cpu: prime numbers by trial division, which almost never enters the kernel."""

from dataclasses import dataclass
from typing import ClassVar

from nestlab.spec.counts import Count, at
from nestlab.workload.binding import bind
from nestlab.workload.protocol import Case, Command, Envelope, Figure, Metric, Parsed
from nestlab.workload.sysbench_text import LATENCIES, NUMBER, THREADS, TOTALS, mean_latency, read

RATE = Metric("events_per_second", "events/s", "higher")
LATENCY_MEAN = Metric("latency_mean", "ms", "lower")
LATENCY_P95 = Metric("latency_p95", "ms", "lower")

_WANTED = {
    **THREADS,
    "rate": rf" +events per second: +{NUMBER}",
    **TOTALS,
    **LATENCIES,
}
_KNOWN = (rf"Prime numbers limit: {NUMBER}", r"CPU speed:")


@dataclass(frozen=True)
class SysbenchCpu:
    """`sysbench cpu` with one thread and with as many as vCPUs.

    seconds  how long each case computes
    threads  a case for each
    """

    seconds: int = 10
    threads: tuple[Count, ...] = (1, "vcpus")

    name: ClassVar[str] = "sysbench-cpu"
    needs: ClassVar[tuple[str, ...]] = ("taskset", "sysbench")
    metrics: ClassVar[tuple[Metric, ...]] = (RATE, LATENCY_MEAN, LATENCY_P95)

    def cases(self, *, vcpus: int, queue_cpus: int) -> tuple[Case, ...]:  # noqa: ARG002 - Workload's
        """`cpu-1` and `cpu-N`; with one vCPU they are the same and there is one."""
        return tuple(
            Case(self.name, f"cpu-{threads}", {"threads": threads, "time": self.seconds})
            for threads in at(self.threads, vcpus)
        )

    def command(self, case: Case, envelope: Envelope) -> Command:
        """Nothing to prepare: it touches no disk."""
        threads, seconds = case.number("threads"), case.number("time")
        argv = ("sysbench", "cpu", f"--threads={threads}", f"--time={seconds}", "run")
        return Command((), bind(envelope, argv), (), expected_seconds=float(seconds))

    def parse(self, case: Case, stdout: bytes) -> Parsed:
        """Read sysbench's text. Raises WorkloadError as `Workload.parse` says."""
        version, values = read(case, stdout, _WANTED, _KNOWN)
        return Parsed(
            figures=(
                Figure.of(RATE, values["rate"]),
                Figure.of(LATENCY_MEAN, mean_latency(values)),
                Figure.of(LATENCY_P95, values["p95"]),
            ),
            tool_version=version,
            elapsed=values["total_time"],
        )
