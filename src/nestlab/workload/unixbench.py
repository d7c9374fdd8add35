"""UnixBench 5.1.3: its index, with one copy of its tests and with as many as vCPUs."""

import hashlib
from dataclasses import dataclass
from typing import ClassVar

from nestlab.spec.counts import Count, at
from nestlab.workload.binding import bind
from nestlab.workload.protocol import Case, Command, Envelope, Figure, File, Metric, Param, Parsed
from nestlab.workload.unixbench_text import PARTS, read, unreadable

INDEX = Metric("index", "index", "higher")

SHORT = tuple(name for name, part in PARTS.items() if part.seconds == 10)
"""The parts of which a pass takes ten seconds."""

_PAUSE = 5
"""Seconds that `Run` waits before each pass, and a little."""

_RUN = 'cd "$0" && exec ./Run "$@"'

# `Run` silently leaves everything out for more than 16 copies.
_LIFT = ("sed", "-i", "s/'maxCopies' => 16/'maxCopies' => 4096/")


@dataclass(frozen=True)
class UnixBench:
    """`./Run` with one copy and with as many as vCPUs.

    source      a tar of the tree (`unixbench_source.tree`), put on every machine and built there
    iterations  passes of each test, or 0 for as many as UnixBench wants
    copies      a case for each
    tests       which of `PARTS`; unless there are all, they make no index
    """

    source: bytes
    iterations: int = 0
    copies: tuple[Count, ...] = (1, "vcpus")
    tests: tuple[str, ...] = tuple(PARTS)

    name: ClassVar[str] = "unixbench"
    needs: ClassVar[tuple[str, ...]] = ("taskset", "sh", "tar", "sed", "make", "gcc", "perl", "rm")

    @property
    def parts(self) -> tuple[str, ...]:
        """The tests that are run, in UnixBench's own names and order."""
        return tuple(part for part in PARTS if part in self.tests)

    @property
    def whole(self) -> bool:
        """Whether every test runs: only then is there an index."""
        return self.parts == tuple(PARTS)

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The index, unless parts of it are left out, and that of every part."""
        whole = (INDEX,) if self.whole else ()
        return (*whole, *(Metric(part, "index", "higher") for part in self.parts))

    def cases(self, *, vcpus: int, queue_cpus: int) -> tuple[Case, ...]:  # noqa: ARG002 - Workload's
        """`copies-N`; `short-N` with only the tests of ten seconds, `tests-N` with others."""
        what = "copies" if self.whole else "short" if self.parts == SHORT else "tests"
        source = hashlib.sha256(self.source).hexdigest()[:16]
        shape: dict[str, Param] = {"iterations": self.iterations, "source": source}
        if what == "tests":
            shape["tests"] = " ".join(self.parts)
        return tuple(
            Case(self.name, f"{what}-{copies}", {"copies": copies, **shape})
            for copies in at(self.copies, vcpus)
        )

    def command(self, case: Case, envelope: Envelope) -> Command:
        """The tree is unpacked and built once on every machine."""
        folder = f"{envelope.directory.rstrip('/')}/unixbench"
        tar, iterations = f"{folder}/unixbench.tar", case.number("iterations")
        passes = ("-i", str(iterations)) if iterations else ()
        tests = () if self.whole else self.parts
        argv = ("sh", "-c", _RUN, folder, "-c", str(case.number("copies")), *passes, *tests)
        return Command(
            prepare=(
                ("tar", "-x", "-f", tar, "-C", folder),
                (*_LIFT, f"{folder}/Run"),
                ("make", "-s", "-C", folder),
            ),
            argv=bind(envelope, argv),
            cleanup=(("rm", "-rf", "--", folder),),
            # A test with many copies ends late on a machine that is slow to start processes.
            expected_seconds=2.0 * sum(map(self._seconds, self.parts)),
            files=(File(tar, self.source),),
        )

    def parse(self, case: Case, stdout: bytes) -> Parsed:
        """Read the report. Raises WorkloadError as `Workload.parse` says."""
        report = read(stdout, self.parts)
        if report.copies != case.number("copies"):
            raise unreadable(f"it ran {report.copies} copies in case {case.case}")
        for part, samples in report.samples.items():
            passes = self._passes(part)
            if samples != passes - passes // 3:
                raise unreadable(f"{part} has {samples} samples of {passes} passes")
        values = dict(report.parts)
        if report.index is not None:
            values[INDEX.metric] = report.index
        return Parsed(
            figures=tuple(Figure.of(metric, values[metric.metric]) for metric in self.metrics),
            tool_version="UnixBench 5.1.3",
            elapsed=None,
        )

    def _passes(self, part: str) -> int:
        """How `-i` is meant: a third of it for the tests of which a pass takes long."""
        if not self.iterations:
            return PARTS[part].passes
        long = PARTS[part].seconds == 10
        return self.iterations if long else max(1, (self.iterations + 1) // 3)

    def _seconds(self, part: str) -> int:
        return self._passes(part) * (PARTS[part].seconds + _PAUSE)
