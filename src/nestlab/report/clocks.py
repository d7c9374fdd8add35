"""Warnings about machines whose clock does not agree with L0's."""

from collections.abc import Iterator

from nestlab.analysis.clock import allowance, disagreement
from nestlab.report.models import Caveat
from nestlab.result.models import MachineRecord, Result, Sample, Series
from nestlab.result.names import LAUNCH_SECONDS


def clock_caveats(result: Result) -> Iterator[Caveat]:
    """One warning for each machine and case: its worst disagreement."""
    worst: dict[tuple[str, str, str], tuple[float, Series, Sample]] = {}
    for series in result.series:
        allowed = _allowed(result.machine(series.machine))
        key = (series.machine, series.workload, series.case)
        for sample in series.samples:
            excess = disagreement(sample.elapsed, sample.elapsed_guest, allowed=allowed)
            if excess and abs(excess) > abs(worst[key][0] if key in worst else 0.0):
                worst[key] = (excess, series, sample)
    for excess, series, sample in worst.values():
        yield _caveat(excess, series, sample)


def _allowed(machine: MachineRecord) -> float:
    launch = machine.facts.conditions.get(LAUNCH_SECONDS)
    return allowance(float(launch) if isinstance(launch, int | float) else None)


def _caveat(excess: float, series: Series, sample: Sample) -> Caveat:
    passed = sample.elapsed or 0.0
    text = (
        f"the clock of {series.machine} ran {'fast' if excess > 0 else 'slow'} in "
        f"{series.workload} {series.case}, round {sample.round}: it counted "
        f"{sample.elapsed_guest:.2f} s, L0 {passed:.2f} s"
    )
    return Caveat(code="clock-disagrees", where=(series.machine,), text=text)
