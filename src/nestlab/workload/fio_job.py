"""Job files of fio: reading those of a user, and writing what fio is given.

fio takes any beginning of an option's name on its command line, so that `exec_prer` is
`exec_prerun` there; in a job file it does not. So everything that a user gives goes through one.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from nestlab.errors import UsageError
from nestlab.spec.fio_options import why_refused
from nestlab.units import parse_size
from nestlab.workload.fio_report import Direction

LARGEST = 1 << 16
"""Bytes of a job file."""

_SECTION = re.compile(r"\[([A-Za-z0-9_. -]{1,64})\]", re.ASCII)
_OPTION = re.compile(r"([A-Za-z][A-Za-z0-9_-]{0,63})\s*(?:=\s*(.*))?", re.ASCII)
_SIDES: Mapping[str, tuple[Direction, ...]] = {
    "read": ("read",),
    "randread": ("read",),
    "write": ("write",),
    "randwrite": ("write",),
    "randrw": ("read", "write"),
    "readwrite": ("read", "write"),
}


def directions_of(rw: str) -> tuple[Direction, ...]:
    """What jobs of fio's `rw` do; reading is first."""
    return _SIDES[rw.partition(":")[0]]


@dataclass(frozen=True)
class JobFile:
    """What a user's job file says, which has only what a benchmark may have.

    lines    without comments and empty ones
    """

    lines: tuple[str, ...]

    @property
    def directions(self) -> tuple[Direction, ...]:
        """What its jobs do; fio reads where nothing is said."""
        said = [value for key, value in self._options() if key in {"rw", "readwrite"}]
        found = {side for rw in said or ["read"] for side in directions_of(rw)}
        return tuple(side for side in _SIDES["randrw"] if side in found)

    @property
    def size(self) -> int:
        """The largest size in bytes that a job names; 0 where none does."""
        return max((_size(value) for key, value in self._options() if key == "size"), default=0)

    def seconds(self, otherwise: int) -> int:
        """How long it may work: its longest run, after the longest wait."""
        runs = [_seconds(v) for k, v in self._options() if k in {"runtime", "timeout"}]
        waits = [_seconds(v) for k, v in self._options() if k in {"ramp_time", "startdelay"}]
        return max(runs or [otherwise]) + sum(waits)

    def _options(self) -> Iterator[tuple[str, str]]:
        for line in self.lines:
            if match := _OPTION.fullmatch(line):
                yield match[1], match[2] or "1"


def read_job_file(data: bytes, file: str) -> JobFile:
    """A user's job file; `file` is what messages call it.

    Raises UsageError `workload.bad-job-file` for what is none, and for options that do more than
    I/O on the target.
    """
    if len(data) > LARGEST:
        raise _bad(file, "", f"it is larger than {LARGEST} bytes")
    try:
        text = data.decode("utf-8-sig")
    except ValueError as problem:
        raise _bad(file, "", "it is not UTF-8 text") from problem
    kept: list[str] = []
    jobs = 0
    for number, raw in enumerate(text.split("\n"), start=1):
        line = raw.strip()
        if not line or line[0] in "#;":
            continue
        if section := _SECTION.fullmatch(line):
            jobs += section[1] != "global"
        else:
            _check(line, file, f":{number}", inside=bool(kept))
        kept.append(line)
    if not jobs:
        raise _bad(file, "", "it has no job: a line such as [random-reads]")
    return JobFile(tuple(kept))


def _check(line: str, file: str, place: str, *, inside: bool) -> None:
    option = _OPTION.fullmatch(line)
    if option is None or not inside:
        raise _bad(file, place, f"{line[:60]!r} is no [section] and no option in one")
    if why := why_refused(option[1].lower(), option[2] or ""):
        raise _bad(file, place, f"{option[1]} cannot be used: {why}")


def written(target: Mapping[str, str], lines: tuple[str, ...]) -> bytes:
    """The file for fio: the target for all jobs, and then the lines, which cannot change it."""
    head = ("[global]", *(f"{key}={value}" for key, value in target.items()))
    return "".join(f"{line}\n" for line in (*head, *lines)).encode()


def _size(text: str) -> int:
    try:
        return parse_size(text)
    except UsageError:
        return 0  # a percentage, or a sum of fio's own: fio itself says what is wrong with others


def _seconds(text: str) -> int:
    """Seconds of a time of fio, which is in seconds unless a unit follows."""
    match = re.fullmatch(r"(\d{1,9})(s|m|h|d)?", text.strip(), re.ASCII)
    factor = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    return int(match[1]) * factor[match[2] or "s"] if match else 0


def _bad(file: str, place: str, why: str) -> UsageError:
    return UsageError(
        "workload.bad-job-file",
        f"{file}{place}: {why}",
        hint="the file, the report and the CPUs are nestlab's; leave such options out",
    )
