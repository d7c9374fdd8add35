"""Read what sysbench prints: text only, so every line must be known; an unknown one is an error.

The shape is that of `src/sb_logger.c` and `src/tests/*/sb_*.c` in sysbench 1.0.20.
"""

import re
from collections.abc import Mapping

from nestlab.errors import WorkloadError
from nestlab.workload.protocol import Case

NUMBER = r"(\d+(?:\.\d+)?)"

THREADS = {"threads": rf"Number of threads: {NUMBER}"}
TOTALS = {
    "total_time": rf" +total time: +{NUMBER}s",
    "events": rf" +total number of events: +{NUMBER}",
}
LATENCIES = {
    "average": rf" +avg: +{NUMBER}",
    "p95": rf" +95th percentile: +{NUMBER}",
    "sum": rf" +sum: +{NUMBER}",
}

_KNOWN = (
    r"Running the test with following options:",
    r"Initializing random number generator from current time",
    r"Initializing worker threads\.\.\.",
    r"Threads started!",
    r"General statistics:",
    r"Latency \(ms\):",
    rf" +(?:min|max): +{NUMBER}",
    r"Threads fairness:",
    rf" +(?:events|execution time) \(avg/stddev\): +{NUMBER}/{NUMBER}",
)
_VERSION = re.compile(r"sysbench \d+\.\d+\.\d+\S* \(using (?:system|bundled) LuaJIT \S+\)")
_PRINTED_STEP = 0.01  # milliseconds; sysbench prints latencies with two decimals


def read(
    case: Case, stdout: bytes, wanted: Mapping[str, str], known: tuple[str, ...] = ()
) -> tuple[str, dict[str, float]]:
    """The version line and the wanted values, each of which must be there once and positive.

    wanted  a pattern of a whole line for each name; its first group is the value
    known   patterns of further lines that this test prints

    `threads` must be wanted, and be that of the case. Raises WorkloadError.
    """
    lines = stdout.decode("utf-8", "backslashreplace").splitlines()
    version, values = _read(lines, wanted, known)
    if values["threads"] != case.number("threads"):
        raise unreadable(f"it ran {values['threads']:.0f} threads in case {case.case}")
    return version, values


def _read(
    lines: list[str], wanted: Mapping[str, str], known: tuple[str, ...]
) -> tuple[str, dict[str, float]]:
    fatal = next((line for line in lines if line.startswith("FATAL:")), None)
    if fatal is not None:
        raise WorkloadError("workload.failed", f"sysbench says {fatal[:200]!r}")
    if not lines or not _VERSION.fullmatch(lines[0]):
        raise unreadable("the first line is not the version of sysbench", lines)
    noise = re.compile("|".join((*_KNOWN, *known)), re.ASCII)
    values: dict[str, float] = {}
    for line in lines[1:]:
        key, value = _wanted(line, wanted, noise)
        if key in values:
            raise unreadable(f"{key} is said twice", lines)
        if key is not None:
            values[key] = value
    missing = sorted(key for key in wanted if not values.get(key))
    if missing:
        raise unreadable(f"no value, or zero, for: {', '.join(missing)}", lines)
    return lines[0], values


def _wanted(
    line: str, wanted: Mapping[str, str], noise: re.Pattern[str]
) -> tuple[str | None, float]:
    for key, pattern in wanted.items():
        if match := re.fullmatch(pattern, line, re.ASCII):
            return key, float(match[1])
    if line.strip() and not noise.fullmatch(line):
        raise unreadable(f"this line is unknown: {line[:200]!r}")
    return None, 0.0


def mean_latency(values: Mapping[str, float]) -> float:
    """Milliseconds, from the sum: the printed average (0.22) has a step of 5 %.

    The printed one must agree, or the shape is not what we think it is.
    """
    mean = values["sum"] / values["events"]
    if abs(mean - values["average"]) > _PRINTED_STEP:
        raise unreadable(f"the average {values['average']} is not sum / events = {mean:.3f}")
    return mean


def unreadable(message: str, lines: list[str] | None = None) -> WorkloadError:
    """The error of an output that this reader does not know."""
    return WorkloadError(
        "workload.unreadable-output",
        f"sysbench's output is not understood: {message}",
        hint="the raw output is kept; this parser knows sysbench 1.0",
        notes=tuple(line[:200] for line in (lines or [])[:3]),
    )
