"""fio: random 4 KiB reads and writes, the two jobs of the seed document.

Figures come from fio's JSON alone (fio manual, "Normal output" and `--output-format=json`).
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, cast

from nestlab.errors import WorkloadError
from nestlab.units import GIB, KIB, MIB
from nestlab.workload.binding import bind
from nestlab.workload.protocol import Argv, Case, Command, Envelope, Figure, Metric, Param, Parsed

Direction = Literal["read", "write"]
FILE = "iotest"

IOPS = Metric("iops", "IOPS", "higher")
# Both units, because a column that mixed them made 18.2k x 4 KiB look like 71 MB/s.
BANDWIDTH_MIB = Metric("bandwidth_mib", "MiB/s", "higher")
BANDWIDTH_MB = Metric("bandwidth_mb", "MB/s", "higher")
LATENCY = Metric("latency_mean", "us", "lower")

_JOB_NAMES: dict[Direction, str] = {"read": "Rand_Read_Testing", "write": "Rand_Write_Testing"}


@dataclass(frozen=True)
class Fio:
    """Random reads and writes of one file, 4 KiB each, queue depth 128, past the page cache.

    size     bytes of the file; every job goes over all of it
    runtime  seconds after which a job stops although it has not finished
    """

    size: int = GIB
    runtime: int = 1000

    name: ClassVar[str] = "fio"
    needs: ClassVar[tuple[str, ...]] = ("taskset", "fio", "rm")
    metrics: ClassVar[tuple[Metric, ...]] = (IOPS, BANDWIDTH_MIB, BANDWIDTH_MB, LATENCY)

    def cases(self, *, vcpus: int, queue_cpus: int) -> tuple[Case, ...]:  # noqa: ARG002 - Workload's
        """`randread` and `randwrite`, with one job for each CPU of the disk's queue map."""
        shape: dict[str, Param] = {"bs": "4k", "direct": 1, "iodepth": 128, "ioengine": "libaio"}
        scale = {"numjobs": queue_cpus, "runtime": self.runtime, "size": self.size}
        return tuple(
            Case(self.name, rw, {"rw": rw, **shape, **scale}) for rw in ("randread", "randwrite")
        )

    def command(self, case: Case, envelope: Envelope) -> Command:
        """The document's command; the file is written in full before the clock starts."""
        size, file = _size(case.number("size")), _file(envelope)
        argv = (
            "fio",
            f"-direct={case.number('direct')}",
            f"-iodepth={case.number('iodepth')}",
            f"-rw={case.params['rw']}",
            f"-ioengine={case.params['ioengine']}",
            f"-bs={case.params['bs']}",
            f"-size={size}",
            f"-numjobs={case.number('numjobs')}",
            f"-runtime={case.number('runtime')}",
            "-group_reporting",
            *file,
            f"-name={_JOB_NAMES[_direction(case)]}",
            "--output-format=json",
        )
        return Command(
            prepare=(bind(envelope, _layout(size, file)),),
            argv=bind(envelope, argv),
            cleanup=(("rm", "-f", "--", f"{envelope.directory.rstrip('/')}/{FILE}"),),
            expected_seconds=float(case.number("runtime")),
            cold=True,
        )

    def parse(self, case: Case, stdout: bytes) -> Parsed:
        """Read fio's JSON. Raises WorkloadError as `Workload.parse` says."""
        report = _find_object(stdout.decode("utf-8", "backslashreplace"))
        job = _only_job(report)
        _raise_on_error(job, case)
        side = _mapping(job, _direction(case))
        iops, bandwidth = _number(side, "iops"), _number(side, "bw_bytes")
        if not iops or not bandwidth:
            # fio counts milliseconds: what ends within the first one has no rate.
            raise WorkloadError("workload.failed", f"fio {case.case} did no I/O, or ended at once")
        values = (
            (IOPS, iops),
            (BANDWIDTH_MIB, bandwidth / MIB),
            (BANDWIDTH_MB, bandwidth / 10**6),
            (LATENCY, _number(_mapping(side, "lat_ns"), "mean") / 1000),
        )
        return Parsed(
            figures=tuple(Figure.of(metric, value) for metric, value in values),
            tool_version=str(report["fio version"]),
            # `runtime` is the longest of the jobs in milliseconds; `job_runtime` is their sum.
            elapsed=_number(side, "runtime") / 1000,
        )


def _direction(case: Case) -> Direction:
    return "read" if case.params["rw"] == "randread" else "write"


def _size(size: int) -> str:
    """A size as fio reads it (binary suffixes): `1G`, as in the document, where it comes out."""
    for suffix, unit in (("G", GIB), ("M", MIB), ("k", KIB)):
        if size % unit == 0:
            return f"{size // unit}{suffix}"
    return str(size)


def _file(envelope: Envelope) -> Argv:
    # fio takes a colon as the separator of several folders (fio manual, `directory`).
    directory = envelope.directory.replace(":", "\\:")
    return (f"-directory={directory}", f"-filename={FILE}")


def _layout(size: str, file: Argv) -> Argv:
    """Write the whole file once, in order and past the page cache.

    fio's own layout (`--create_only=1`) leaves the file of a write job unwritten, so that random
    writes would pay for allocation at one level and not at the other. `-fallocate=none` because
    preallocated extents read as zeros without any I/O.
    """
    return (
        *("fio", "-direct=1", "-iodepth=8", "-rw=write", "-ioengine=libaio", "-bs=1M"),
        *(f"-size={size}", "-fallocate=none", "-end_fsync=1", *file),
        *("-name=Layout", "--output-format=json"),
    )


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


def _raise_on_error(job: Mapping[str, object], case: Case) -> None:
    error = int(_number(job, "error"))
    if error == 0:
        return
    refused = error == 22  # EINVAL, what open(2) says when O_DIRECT is not supported
    raise WorkloadError(
        "workload.failed",
        f"fio {case.case} failed with error {error} ({os.strerror(error)})"
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
