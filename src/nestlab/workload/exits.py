"""What an exit costs at a level, measured by `programs/exits.c`, which every machine builds.

The figures are nanoseconds by the machine's own clock: there is no other that is fine enough.
"""

import json
from dataclasses import dataclass
from importlib.resources import files
from typing import ClassVar

from nestlab.errors import WorkloadError
from nestlab.workload.binding import bind
from nestlab.workload.protocol import Case, Command, Envelope, Figure, File, Metric, Parsed

MEAN = Metric("mean", "ns", "lower")
MEDIAN = Metric("p50", "ns", "lower")
P90 = Metric("p90", "ns", "lower")
P99 = Metric("p99", "ns", "lower")

SCHEMA = 1

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
            files=(File(source, _source()),),
        )

    def parse(self, case: Case, stdout: bytes) -> Parsed:
        """Read the program's JSON. Raises WorkloadError as `Workload.parse` says."""
        report = _report(stdout)
        if "unavailable" in report:
            reason = report["unavailable"]
            if not isinstance(reason, str) or len(report) != 2:
                raise _unreadable("a reason must be a text alone")
            raise WorkloadError("workload.unavailable", f"exits {case.case}: {reason[:200]}")
        if (report.get("test"), report.get("samples")) != (case.case, case.number("samples")):
            raise _unreadable(f"it is not of the case {case.case}")
        ns = report.get("ns")
        if not isinstance(ns, dict):
            raise _unreadable("there is no object 'ns'")
        ranked = [_positive(ns, name) for name in ("p50", "p90", "p99", "max")]
        if ranked != sorted(ranked) or _positive(ns, "mean") > ranked[-1]:
            raise _unreadable("the percentiles are not in order")
        return Parsed(
            figures=tuple(Figure.of(m, _positive(ns, m.metric)) for m in self.metrics),
            tool_version=f"nestlab-exits {SCHEMA}",
            elapsed=_positive(report, "elapsed_ns") / 10**9,
        )


def _source() -> bytes:
    return (files("nestlab.workload") / "programs" / "exits.c").read_bytes()


def _report(stdout: bytes) -> dict[str, object]:
    try:
        found = json.loads(stdout, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise _unreadable(f"the JSON is damaged: {error}") from error
    if not isinstance(found, dict) or found.get("nestlab-exits") != SCHEMA:
        raise _unreadable(f"it is no report of nestlab-exits {SCHEMA}")
    return found


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is not a figure")


def _positive(parent: dict[str, object], key: str) -> float:
    value = parent.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e18:
        raise _unreadable(f"there is no positive number {key!r}")
    return float(value)


def _unreadable(message: str) -> WorkloadError:
    return WorkloadError(
        "workload.unreadable-output", f"the output of exits is not understood: {message}"
    )
