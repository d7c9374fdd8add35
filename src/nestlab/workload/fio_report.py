"""Figures from fio's JSON report (fio manual, "Normal output" and `--output-format=json`)."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, cast

from nestlab.errors import WorkloadError
from nestlab.units import MIB
from nestlab.workload.protocol import Figure, Metric, Parsed

Direction = Literal["read", "write"]

# Both units, because a column that mixed them made 18.2k x 4 KiB look like 71 MB/s.
_SIDE = (
    Metric("iops", "IOPS", "higher"),
    Metric("bandwidth_mib", "MiB/s", "higher"),
    Metric("bandwidth_mb", "MB/s", "higher"),
    Metric("latency_mean", "us", "lower"),
    Metric("latency_p50", "us", "lower"),
    Metric("latency_p99", "us", "lower"),
    Metric("latency_p99_9", "us", "lower"),
)
CPU = Metric("cpu_use", "%", "lower")
_PERCENTILES = ("50.000000", "99.000000", "99.900000")


def metrics(directions: Sequence[Direction]) -> tuple[Metric, ...]:
    """The figures of a run that reads, writes, or both, which then say of what they are."""
    sides = (_named(metric, side, directions) for side in directions for metric in _SIDE)
    return (*sides, CPU)


def _named(metric: Metric, side: Direction, directions: Sequence[Direction]) -> Metric:
    name = metric.metric if len(directions) == 1 else f"{side}_{metric.metric}"
    return Metric(name, metric.unit, metric.better)


def read_report(case: str, directions: Sequence[Direction], stdout: bytes) -> Parsed:
    """Exactly the figures of `metrics`. Raises WorkloadError as `Workload.parse` says."""
    report = _find_object(stdout.decode("utf-8", "backslashreplace"))
    job = _only_job(report)
    _raise_on_error(job, case)
    values = [value for side in directions for value in _side(_mapping(job, side), case)]
    return Parsed(
        figures=tuple(map(Figure.of, metrics(directions), (*values, _cpu_use(job)))),
        tool_version=str(report["fio version"]),
        # `runtime` is the longest of the jobs in milliseconds; `job_runtime` is their sum.
        elapsed=max(_number(_mapping(job, side), "runtime") for side in directions) / 1000,
    )


def _side(side: Mapping[str, object], case: str) -> Iterator[float]:
    """In the order of `_SIDE`; the percentiles are those of completion, fio has no others."""
    iops, bandwidth = _number(side, "iops"), _number(side, "bw_bytes")
    if not iops or not bandwidth:
        # fio counts milliseconds: what ends within the first one has no rate.
        raise WorkloadError("workload.failed", f"fio {case} did no I/O, or ended at once")
    yield from (iops, bandwidth / MIB, bandwidth / 10**6)
    yield _number(_mapping(side, "lat_ns"), "mean") / 1000
    found = _mapping(_mapping(side, "clat_ns"), "percentile")
    ranked = [_number(found, rank) / 1000 for rank in _PERCENTILES]
    if ranked != sorted(ranked):
        raise _unreadable("fio's percentiles are not in order")
    yield from ranked


def _cpu_use(job: Mapping[str, object]) -> float:
    """Percent of one CPU that each job took, in its own code and in the kernel."""
    return _number(job, "usr_cpu") + _number(job, "sys_cpu")


def _find_object(text: str) -> Mapping[str, object]:
    """The report, which follows lines of text when fio has something to say before it."""
    start = 0
    for line in text.splitlines(keepends=True):
        if line.startswith("{"):
            break
        start += len(line)
    if start == len(text):
        raise _unreadable("fio printed no JSON", text)
    try:
        objects = _Objects()
        decoder = json.JSONDecoder(parse_constant=_refuse, object_pairs_hook=objects)
        found, end = decoder.raw_decode(text, start)
    except (ValueError, RecursionError) as error:
        raise _unreadable(f"fio's JSON is damaged: {error}", text) from error
    if "\n{" in text[end:]:
        raise _unreadable("fio printed more than one report", text)
    if "fio version" not in found:
        raise _unreadable("the JSON is not a report of fio", text)
    if not str(found["fio version"]).startswith("fio-3."):
        # fio 2 counts KiB and microseconds where fio 3 counts bytes and nanoseconds
        raise _unreadable("this parser knows the units of fio 3 alone", text)
    if objects.twice:
        raise _unreadable(f"fio's report has two values of {objects.twice[0]!r}", text)
    return cast("Mapping[str, object]", found)


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is not a figure")


class _Objects:
    """Makes JSON's objects, and notes a key that is there twice: Python would take the last.

    Options, which are strings, may be given twice.
    """

    def __init__(self) -> None:
        self.twice: list[str] = []

    def __call__(self, pairs: list[tuple[str, object]]) -> dict[str, object]:
        found: dict[str, object] = {}
        for key, value in pairs:
            if key in found and not (isinstance(value, str) and isinstance(found[key], str)):
                self.twice.append(key)
            found[key] = value
        return found


def _only_job(report: Mapping[str, object]) -> Mapping[str, object]:
    jobs = report.get("jobs")
    if not isinstance(jobs, list) or len(jobs) != 1 or not isinstance(jobs[0], dict):
        raise _unreadable("fio's report must have exactly one job (-group_reporting)")
    return jobs[0]


def _raise_on_error(job: Mapping[str, object], case: str) -> None:
    error = int(_number(job, "error"))
    if error == 0:
        return
    refused = error == 22  # EINVAL, what open(2) says when O_DIRECT is not supported
    raise WorkloadError(
        "workload.failed",
        f"fio {case} failed with error {error} ({os.strerror(error)})"
        + (": the file system may refuse O_DIRECT" if refused else ""),
        hint="choose a folder on the disk to be measured, not on tmpfs or the like"
        if refused
        else None,
    )


def _mapping(parent: Mapping[str, object], key: str) -> Mapping[str, object]:
    value = parent.get(key)
    if not isinstance(value, dict):
        raise _unreadable(f"fio's report has no object {key!r}")
    return value


def _number(parent: Mapping[str, object], key: str) -> float:
    value = parent.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise _unreadable(f"fio's report has no number {key!r}")
    return float(value)


def _unreadable(message: str, text: str = "") -> WorkloadError:
    lines = text.splitlines()
    return WorkloadError(
        "workload.unreadable-output", message, notes=tuple(line[:200] for line in lines[:3])
    )
