"""What an exit costs at a level, measured by `programs/exits.c`, which every machine builds.

The figures are nanoseconds by the machine's own clock: there is no other that is fine enough.
"""

from dataclasses import dataclass
from typing import ClassVar

from nestlab.errors import WorkloadError
from nestlab.workload.binding import bind
from nestlab.workload.own_program import OwnProgram, Report, between
from nestlab.workload.protocol import Case, Command, Envelope, Figure, File, Metric, Parsed

MEAN = Metric("mean", "ns", "lower")
MEDIAN = Metric("p50", "ns", "lower")
P90 = Metric("p90", "ns", "lower")
P99 = Metric("p99", "ns", "lower")

PROGRAM = OwnProgram("exits", "exits.c", schema=1)

_SHARES = {"touch-2m": 10}
"""Samples of a case are divided by this: a huge page takes long to be zeroed."""


@dataclass(frozen=True)
class Exits:
    """CPUID, a timer, a wake-up of another CPU, page faults and first touches of memory.

    samples  how many of each (a tenth of them with pages of 2 MiB)
    """

    samples: int = 10_000

    name: ClassVar[str] = "exits"
    needs: ClassVar[tuple[str, ...]] = ("taskset", "gcc", "rm")
    metrics: ClassVar[tuple[Metric, ...]] = (MEAN, MEDIAN, P90, P99)

    def cases(self, *, vcpus: int, queue_cpus: int) -> tuple[Case, ...]:  # noqa: ARG002 - Workload's
        """One for each kind of exit; one that a machine cannot have is skipped there."""
        kinds = ("cpuid", "timer", "wakeup", "fault-4k", "touch-4k", "touch-2m")
        return tuple(
            Case(self.name, kind, {"samples": max(1, self.samples // _SHARES.get(kind, 1))})
            for kind in kinds
        )

    def command(self, case: Case, envelope: Envelope) -> Command:
        """The program is built once on every machine, with that machine's compiler."""
        folder = f"{envelope.directory.rstrip('/')}/exits"
        source, program = f"{folder}/exits.c", f"{folder}/exits"
        build = ("gcc", "-std=gnu11", "-O2", "-Wall", "-pthread", "-o", program, source)
        return Command(
            prepare=(build,),
            argv=bind(envelope, (program, case.case, str(case.number("samples")))),
            cleanup=(("rm", "-rf", "--", folder),),
            # A wake-up takes up to a millisecond where a vCPU has to be scheduled for it.
            expected_seconds=case.number("samples") / 1000,
            files=(File(source, PROGRAM.source),),
        )

    def parse(self, case: Case, stdout: bytes) -> Parsed:
        """Read the program's JSON. Raises WorkloadError as `Workload.parse` says."""
        report = PROGRAM.read(stdout)
        if (reason := PROGRAM.reason(report, "unavailable", limit=200)) is not None:
            raise WorkloadError("workload.unavailable", f"exits {case.case}: {reason}")
        if (report.get("test"), report.get("samples")) != (case.case, case.number("samples")):
            raise PROGRAM.unreadable(f"it is not of the case {case.case}")
        ns = report.get("ns")
        if not isinstance(ns, dict):
            raise PROGRAM.unreadable("there is no object 'ns'")
        ranked = [_positive(ns, name) for name in ("p50", "p90", "p99", "max")]
        if ranked != sorted(ranked) or _positive(ns, "mean") > ranked[-1]:
            raise PROGRAM.unreadable("the percentiles are not in order")
        return Parsed(
            figures=tuple(Figure.of(m, _positive(ns, m.metric)) for m in self.metrics),
            tool_version=f"nestlab-exits {PROGRAM.schema}",
            elapsed=_positive(report, "elapsed_ns") / 10**9,
        )


def _positive(parent: Report, key: str) -> float:
    number = between(parent.get(key), 1e18)
    if number is None:
        raise PROGRAM.unreadable(f"there is no positive number {key!r}")
    return number
