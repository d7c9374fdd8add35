"""Whether a guest's clock can be believed: the tool's time against L0's, for each run.

L0 times more than the tool does: the way there, the start of the process, its last output and the
way back. Only two findings are therefore safe:

- the tool counted *more* than L0 did: the machine's clock runs fast, whatever the overhead was;
- the tool counted less, by more than a generous allowance for that overhead: it runs slow. A
  slowdown that is smaller than the allowance cannot be told from a slow start.

Both beyond 0.5 % of the tool's time.
"""

from collections.abc import Iterator

from nestlab.report.models import Caveat
from nestlab.result.models import MachineRecord, Result, Sample, Series
from nestlab.result.names import LAUNCH_SECONDS

TOLERANCE = 0.005
TOOL_OVERHEAD = 2.0
"""Seconds; fio 3.33 was seen to take 0.3 s beyond its own count on bare L0, more when emulated."""


def clock_caveats(result: Result) -> Iterator[Caveat]:
    """One warning for each machine and case: its worst disagreement."""
    worst: dict[tuple[str, str, str], tuple[float, Series, Sample]] = {}
    for series in result.series:
        allowance = _allowance(result.machine(series.machine))
        key = (series.machine, series.workload, series.case)
        for sample in series.samples:
            excess = disagreement(sample, allowance)
            if excess and abs(excess) > abs(worst[key][0] if key in worst else 0.0):
                worst[key] = (excess, series, sample)
    for excess, series, sample in worst.values():
        yield _caveat(excess, series, sample)


def disagreement(sample: Sample, allowance: float) -> float:
    """Seconds by which the tool's time differs beyond doubt: above 0 fast, below 0 slow, 0 none.

    allowance  seconds of L0's time that may be overhead
    """
    if sample.elapsed_tool is None:
        return 0.0
    tolerated = TOLERANCE * sample.elapsed_tool
    fast = sample.elapsed_tool - sample.elapsed
    slow = sample.elapsed - allowance - sample.elapsed_tool
    if fast > tolerated:
        return fast
    return -slow if slow > tolerated else 0.0


def _allowance(machine: MachineRecord) -> float:
    launch = machine.facts.conditions.get(LAUNCH_SECONDS, 0.0)
    return TOOL_OVERHEAD + (float(launch) if isinstance(launch, int | float) else 0.0)


def _caveat(excess: float, series: Series, sample: Sample) -> Caveat:
    text = (
        f"the clock of {series.machine} ran {'fast' if excess > 0 else 'slow'} in "
        f"{series.workload} {series.case}, round {sample.round}: the tool counted "
        f"{sample.elapsed_tool:.2f} s, L0 {sample.elapsed:.2f} s with start and end"
    )
    return Caveat(code="clock-disagrees", where=(series.machine,), text=text)
