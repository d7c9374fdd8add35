"""sysbench cpu: prime numbers by trial division, which almost never enters the kernel.

sysbench 1.0 prints text only, so every line must be known: an unknown one is an error, not noise
(the shape is that of `src/sb_logger.c` and `src/tests/cpu/sb_cpu.c` in sysbench 1.0.20).
"""

import re
from dataclasses import dataclass
from typing import ClassVar

from nestlab.errors import WorkloadError
from nestlab.workload.binding import bind
from nestlab.workload.protocol import Case, Command, Envelope, Figure, Metric, Parsed

RATE = Metric("events_per_second", "events/s", "higher")
LATENCY_MEAN = Metric("latency_mean", "ms", "lower")
LATENCY_P95 = Metric("latency_p95", "ms", "lower")

_PRINTED_STEP = 0.01  # milliseconds; sysbench prints latencies with two decimals

_NUMBER = r"(\d+(?:\.\d+)?)"
_WANTED = {
    "threads": rf"Number of threads: {_NUMBER}",
    "rate": rf" +events per second: +{_NUMBER}",
    "total_time": rf" +total time: +{_NUMBER}s",
    "events": rf" +total number of events: +{_NUMBER}",
    "average": rf" +avg: +{_NUMBER}",
    "p95": rf" +95th percentile: +{_NUMBER}",
    "sum": rf" +sum: +{_NUMBER}",
}
_KNOWN = (
    r"Running the test with following options:",
    r"Initializing random number generator from current time",
    rf"Prime numbers limit: {_NUMBER}",
    r"Initializing worker threads\.\.\.",
    r"Threads started!",
    r"CPU speed:",
    r"General statistics:",
    r"Latency \(ms\):",
    rf" +(?:min|max): +{_NUMBER}",
    r"Threads fairness:",
    rf" +(?:events|execution time) \(avg/stddev\): +{_NUMBER}/{_NUMBER}",
)
_WANTED_LINES = {key: re.compile(pattern, re.ASCII) for key, pattern in _WANTED.items()}
_KNOWN_LINE = re.compile("|".join(_KNOWN), re.ASCII)
_VERSION = re.compile(r"sysbench \d+\.\d+\.\d+\S* \(using (?:system|bundled) LuaJIT \S+\)")


@dataclass(frozen=True)
class SysbenchCpu:
    """`sysbench cpu` with one thread and with as many as vCPUs.

    seconds  how long each case computes
    """

    seconds: int = 10

    name: ClassVar[str] = "sysbench-cpu"
    needs: ClassVar[tuple[str, ...]] = ("taskset", "sysbench")
    metrics: ClassVar[tuple[Metric, ...]] = (RATE, LATENCY_MEAN, LATENCY_P95)

    def cases(self, *, vcpus: int, queue_cpus: int) -> tuple[Case, ...]:  # noqa: ARG002 - Workload's
        """`cpu-1` and `cpu-N`; with one vCPU they are the same and there is one."""
        return tuple(
            Case(self.name, f"cpu-{threads}", {"threads": threads, "time": self.seconds})
            for threads in sorted({1, vcpus})
        )

    def command(self, case: Case, envelope: Envelope) -> Command:
        """Nothing to prepare: it touches no disk."""
        threads, seconds = case.number("threads"), case.number("time")
        argv = ("sysbench", "cpu", f"--threads={threads}", f"--time={seconds}", "run")
        return Command((), bind(envelope, argv), (), expected_seconds=float(seconds))

    def parse(self, case: Case, stdout: bytes) -> Parsed:
        """Read sysbench's text. Raises WorkloadError as `Workload.parse` says."""
        lines = stdout.decode("utf-8", "backslashreplace").splitlines()
        version, values = _read(lines)
        if values["threads"] != case.number("threads"):
            raise _unreadable(f"it ran {values['threads']:.0f} threads in case {case.case}")
        return Parsed(
            figures=(
                Figure.of(RATE, values["rate"]),
                Figure.of(LATENCY_MEAN, _mean_latency(values)),
                Figure.of(LATENCY_P95, values["p95"]),
            ),
            tool_version=version,
            elapsed=values["total_time"],
        )


def _read(lines: list[str]) -> tuple[str, dict[str, float]]:
    """The version line and the wanted values, each of which must be there once and positive."""
    fatal = next((line for line in lines if line.startswith("FATAL:")), None)
    if fatal is not None:
        raise WorkloadError("workload.failed", f"sysbench says {fatal[:200]!r}")
    if not lines or not _VERSION.fullmatch(lines[0]):
        raise _unreadable("the first line is not the version of sysbench", lines)
    values: dict[str, float] = {}
    for line in lines[1:]:
        key, value = _wanted(line)
        if key in values:
            raise _unreadable(f"{key} is said twice", lines)
        if key is not None:
            values[key] = value
    missing = sorted(key for key in _WANTED_LINES if not values.get(key))
    if missing:
        raise _unreadable(f"no value, or zero, for: {', '.join(missing)}", lines)
    return lines[0], values


def _wanted(line: str) -> tuple[str | None, float]:
    for key, pattern in _WANTED_LINES.items():
        if match := pattern.fullmatch(line):
            return key, float(match[1])
    if line.strip() and not _KNOWN_LINE.fullmatch(line):
        raise _unreadable(f"this line is unknown: {line[:200]!r}")
    return None, 0.0


def _mean_latency(values: dict[str, float]) -> float:
    """Milliseconds, from the sum: the printed average (0.22) has a step of 5 %.

    The printed one must agree, or the shape is not what we think it is.
    """
    mean = values["sum"] / values["events"]
    if abs(mean - values["average"]) > _PRINTED_STEP:
        raise _unreadable(f"the average {values['average']} is not sum / events = {mean:.3f}")
    return mean


def _unreadable(message: str, lines: list[str] | None = None) -> WorkloadError:
    return WorkloadError(
        "workload.unreadable-output",
        f"sysbench's output is not understood: {message}",
        hint="the raw output is kept; this parser knows sysbench 1.0",
        notes=tuple(line[:200] for line in (lines or [])[:3]),
    )
