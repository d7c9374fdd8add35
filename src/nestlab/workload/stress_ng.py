"""stress-ng: a few of its stressors, for what they ask of the kernel and of the hypervisor.

Its figures are bogus operations, in its own words (stress-ng(1), "BOGO OPS"): they compare only
between machines that run the same version, which is what levels of one lab do.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import yaml

from nestlab.errors import WorkloadError
from nestlab.workload.binding import bind
from nestlab.workload.protocol import Argv, Case, Command, Envelope, Figure, Metric, Parsed

RATE = Metric("bogo_ops_per_second", "bogo ops/s", "higher")

STRESSORS: Mapping[str, Argv] = {
    "cpu": ("--cpu-method", "int64"),
    "switch": (),
    "pipe": (),
    "fork": (),
    "vm": ("--vm-bytes", "64M"),
}
"""Computing, context switches, pipes, processes, and memory that is mapped again and again."""

_LARGEST = 1 << 16
"""Bytes; a report of one stressor has some thousand."""

# To a file first: /dev/stdout cannot be opened where stdout is a socket.
_SCRIPT = 'stress-ng "$@" --yaml "$0" && cat -- "$0"'


@dataclass(frozen=True)
class StressNg:
    """Each stressor for a while, on every vCPU.

    seconds    how long each runs
    stressors  which of `STRESSORS`
    """

    seconds: int = 10
    stressors: tuple[str, ...] = tuple(STRESSORS)

    name: ClassVar[str] = "stress-ng"
    needs: ClassVar[tuple[str, ...]] = ("taskset", "stress-ng", "sh", "cat", "rm")
    metrics: ClassVar[tuple[Metric, ...]] = (RATE,)

    def cases(self, *, vcpus: int, queue_cpus: int) -> tuple[Case, ...]:  # noqa: ARG002 - Workload's
        """One for each stressor, with as many workers as vCPUs."""
        return tuple(
            Case(
                self.name,
                stressor,
                {
                    "workers": vcpus,
                    "time": self.seconds,
                    "options": " ".join(STRESSORS[stressor]),
                },
            )
            for stressor in dict.fromkeys(self.stressors)
        )

    def command(self, case: Case, envelope: Envelope) -> Command:
        """The report goes through a file in the folder."""
        folder, seconds = envelope.directory.rstrip("/"), case.number("time")
        report = f"{folder}/stress-ng.yaml"
        argv = (
            *("sh", "-c", _SCRIPT, report, "--quiet", "--metrics", "--timeout", str(seconds)),
            *("--temp-path", folder or "/", f"--{case.case}", str(case.number("workers"))),
            *STRESSORS[case.case],
        )
        return Command(
            prepare=(),
            argv=bind(envelope, argv),
            cleanup=(("rm", "-f", "--", report),),
            expected_seconds=float(seconds),
        )

    def parse(self, case: Case, stdout: bytes) -> Parsed:
        """Read stress-ng's YAML. Raises WorkloadError as `Workload.parse` says."""
        report = _report(stdout)
        system, metrics = report.get("system-info"), report.get("metrics")
        version = system.get("stress-ng-version") if isinstance(system, dict) else None
        if not isinstance(version, str) or not version:
            raise _unreadable("it does not say its version")
        if not isinstance(metrics, list) or len(metrics) != 1 or not isinstance(metrics[0], dict):
            raise _unreadable("it must have the metrics of exactly one stressor")
        (found,) = metrics
        if found.get("stressor") != case.case:
            raise _unreadable(f"it is of {str(found.get('stressor'))[:50]!r}, not {case.case}")
        rate = _number(found, "bogo-ops-per-second-real-time")
        if not rate:
            raise WorkloadError("workload.failed", f"stress-ng {case.case} did nothing")
        elapsed = _number(found, "wall-clock-time")
        return Parsed((Figure.of(RATE, rate),), f"stress-ng {version[:50]}", elapsed)


def _report(stdout: bytes) -> dict[str, object]:
    if len(stdout) > _LARGEST:
        raise _unreadable(f"it has {len(stdout)} bytes")
    try:
        # Everything is a text: no tag, number or date of the file is interpreted.
        found = yaml.load(stdout, Loader=yaml.BaseLoader)  # noqa: S506
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _unreadable(f"the YAML is damaged: {str(error)[:200]}") from error
    if not isinstance(found, dict):
        raise _unreadable("it is not a mapping")
    return found


def _number(parent: dict[str, object], key: str) -> float:
    try:
        value = float(str(parent.get(key)))
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise _unreadable(f"there is no number {key!r}")
    return value


def _unreadable(message: str) -> WorkloadError:
    return WorkloadError(
        "workload.unreadable-output", f"stress-ng's report is not understood: {message}"
    )
