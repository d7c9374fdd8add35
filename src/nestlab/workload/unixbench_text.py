"""Read the report of UnixBench 5.1.3, line by line; one that is not known is an error.

The shape is that of `summarizeRun`, `logResults` and `logIndexCat` in its `Run`, the baselines are
those of `pgms/index.base`.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from nestlab.errors import WorkloadError


@dataclass(frozen=True)
class Part:
    """A test of the index; `baseline` is what the machine of 1995 did, whose index is 10.

    seconds  how long one pass takes
    passes   how often it runs when nobody says otherwise; a third of them is thrown away
    """

    title: str
    baseline: float
    seconds: int
    passes: int


PARTS: Mapping[str, Part] = {
    "dhry2reg": Part("Dhrystone 2 using register variables", 116700.0, 10, 10),
    "whetstone-double": Part("Double-Precision Whetstone", 55.0, 10, 10),
    "execl": Part("Execl Throughput", 43.0, 30, 3),
    "fstime": Part("File Copy 1024 bufsize 2000 maxblocks", 3960.0, 30, 3),
    "fsbuffer": Part("File Copy 256 bufsize 500 maxblocks", 1655.0, 30, 3),
    "fsdisk": Part("File Copy 4096 bufsize 8000 maxblocks", 5800.0, 30, 3),
    "pipe": Part("Pipe Throughput", 12440.0, 10, 10),
    "context1": Part("Pipe-based Context Switching", 4000.0, 10, 10),
    "spawn": Part("Process Creation", 126.0, 30, 3),
    "shell1": Part("Shell Scripts (1 concurrent)", 42.4, 60, 3),
    "shell8": Part("Shell Scripts (8 concurrent)", 6.0, 60, 3),
    "syscall": Part("System Call Overhead", 15000.0, 10, 10),
}

_BAR = "=" * 72
_NUMBER = r"(\d{1,15}\.\d)"
_ABORTED = re.compile(r"^Run: .+", re.MULTILINE)
_BANNER = "   BYTE UNIX Benchmarks (Version 5.1.3)"
_RUN = re.compile(r"Benchmark Run: .{1,80} - \d\d:\d\d:\d\d")
_COPIES = re.compile(r"(?:\d+ CPUs?|unknown CPUs) in system; running (\d+) parallel cop(?:y|ies)"
                     r" of tests", re.ASCII)  # fmt: skip
_SCORE = re.compile(rf"(.{{40}}) +{_NUMBER} \w+ +\({_NUMBER} s, (\d+) samples\)", re.ASCII)
_HEAD = re.compile(r"System Benchmarks (Index Values|Partial Index) +BASELINE +RESULT +INDEX")
_INDEX = re.compile(rf"(.{{40}}) +{_NUMBER} +{_NUMBER} +{_NUMBER}", re.ASCII)
_TOTAL = re.compile(rf"System Benchmarks Index Score( \(Partial Only\))? +{_NUMBER}", re.ASCII)
_ROUNDING = 0.051
"""Every figure is printed with one decimal."""


@dataclass(frozen=True)
class Report:
    """What one run said.

    copies   of each test, side by side
    samples  of each part that count, by its name
    parts    the index of each
    index    of all of them; None when some of the twelve did not run
    """

    copies: int
    samples: Mapping[str, int]
    parts: Mapping[str, float]
    index: float | None


def read(stdout: bytes, wanted: Sequence[str]) -> Report:
    """The report of a run of the wanted parts; each must be there. Raises WorkloadError."""
    lines = _lines(stdout.decode("utf-8", "backslashreplace"))
    copies = int(_match(_COPIES, next(lines, ""))[1])
    scores = _scores(lines, wanted)
    full = _match(_HEAD, next(lines, ""))[1] == "Index Values"
    if full != (len(wanted) == len(PARTS)):
        raise unreadable("a whole index is called partial, or the reverse")
    parts = dict(_part(next(lines, ""), scores) for _ in scores)
    if parts.keys() != scores.keys():
        raise unreadable("the parts of the index are not those that ran")
    if next(lines, "").strip() != "=" * 8:
        raise unreadable("the table of the index does not end")
    partial, index = _match(_TOTAL, next(lines, "")).groups()
    if full == bool(partial):
        raise unreadable("a whole index is called partial, or the reverse")
    _check_mean(float(index), parts)
    if (rest := next(lines, None)) is not None:
        raise unreadable(f"this line is unknown: {rest[:200]!r}")
    samples = {name: count for name, (_, count) in scores.items()}
    return Report(copies, samples, parts, float(index) if full else None)


def _lines(text: str) -> Iterator[str]:
    """What follows the heading of the run, without empty lines, and an error where it ends."""
    if said := _ABORTED.search(text):
        raise WorkloadError("workload.failed", f"UnixBench says {said[0][:200]!r}")
    _progress, bar, report = text.rpartition(f"{_BAR}\n")
    found = iter([line for line in report.splitlines() if line.strip()])
    if not bar or next(found, None) != _BANNER:
        raise unreadable("there is no report of version 5.1.3")
    for line in found:
        if line == "-" * 72:
            break
        if not line.startswith("   "):
            raise unreadable(f"this line is unknown: {line[:200]!r}")
    _match(_RUN, next(found, ""))
    return found


def _scores(lines: Iterator[str], wanted: Sequence[str]) -> dict[str, tuple[float, int]]:
    names = {PARTS[name].title: name for name in wanted}
    scores: dict[str, tuple[float, int]] = {}
    for _ in wanted:
        line = next(lines, "")
        if not line:
            missing = sorted(names.values() - scores.keys())
            raise unreadable(f"no result of: {', '.join(missing)}")
        match = _match(_SCORE, line)
        name = names.get(match[1].rstrip())
        if name is None or name in scores:
            raise unreadable(f"a result that is not wanted, or twice: {line[:100]!r}")
        scores[name] = (float(match[2]), int(match[4]))
    return scores


def _part(line: str, scores: Mapping[str, tuple[float, int]]) -> tuple[str, float]:
    match = _match(_INDEX, line)
    name = next((n for n in scores if PARTS[n].title == match[1].rstrip()), None)
    if name is None:
        raise unreadable(f"an index of what did not run: {line[:100]!r}")
    baseline, result, index = (float(match[at]) for at in (2, 3, 4))
    if (baseline, result) != (PARTS[name].baseline, scores[name][0]):
        raise unreadable(f"the baseline or the result of {name} is another one")
    if abs(index - result / baseline * 10) > _ROUNDING + _ROUNDING / baseline * 10 or not index:
        raise unreadable(f"the index of {name} is not its result by its baseline")
    return name, index


def _check_mean(index: float, parts: Mapping[str, float]) -> None:
    """The score is the geometric mean, of figures that were not rounded yet."""
    mean = math.exp(math.fsum(map(math.log, parts.values())) / len(parts))
    slack = max(_ROUNDING / value for value in parts.values())
    if abs(index - mean) > _ROUNDING + mean * slack:
        raise unreadable(f"the index {index} is not the mean of its parts, {mean:.1f}")


def _match(pattern: re.Pattern[str], line: str) -> re.Match[str]:
    match = pattern.fullmatch(line.rstrip())
    if match is None:
        raise unreadable(f"this line is unknown: {line[:200]!r}")
    return match


def unreadable(message: str) -> WorkloadError:
    """The error of an output that this reader does not know."""
    return WorkloadError(
        "workload.unreadable-output",
        f"UnixBench's output is not understood: {message}",
        hint="the raw output is kept; this parser knows UnixBench 5.1.3",
    )
