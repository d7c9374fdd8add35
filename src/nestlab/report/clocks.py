"""Whether a machine's clock can be believed: its own time of each run against L0's.

Both time the same process. L0's time has the way there and back on top, which `launch_seconds` of
the machine says for a command that does nothing. So two findings are safe:

- the machine counted *more* than L0 did: its clock runs fast, whatever the overhead was;
- it counted less, by more than twice that overhead: it runs slow. A slowdown that is smaller
  cannot be told from a slow way.

Both beyond 0.5 % of the machine's time.
"""

from collections.abc import Iterator

from nestlab.report.models import Caveat
from nestlab.result.models import MachineRecord, Result, Sample, Series
from nestlab.result.names import LAUNCH_SECONDS

TOLERANCE = 0.005
GRAIN = 0.02
"""Seconds: /proc/uptime counts hundredths, and is read twice."""

UNKNOWN_LAUNCH = 2.0
"""Seconds of overhead to allow where nobody measured it."""


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
    """Seconds by which the machine's time differs beyond doubt: above 0 fast, below 0 slow.

    allowance  seconds of L0's time that may be overhead
    """
    counted = sample.elapsed_guest
    if counted is None or sample.elapsed is None:
        return 0.0
    tolerated = TOLERANCE * counted + GRAIN
    fast = counted - sample.elapsed
    slow = sample.elapsed - allowance - counted
    if fast > tolerated:
        return fast
    return -slow if slow > tolerated else 0.0


def _allowance(machine: MachineRecord) -> float:
    launch = machine.facts.conditions.get(LAUNCH_SECONDS)
    return 2 * float(launch) if isinstance(launch, int | float) else UNKNOWN_LAUNCH


def _caveat(excess: float, series: Series, sample: Sample) -> Caveat:
    passed = sample.elapsed or 0.0
    text = (
        f"the clock of {series.machine} ran {'fast' if excess > 0 else 'slow'} in "
        f"{series.workload} {series.case}, round {sample.round}: it counted "
        f"{sample.elapsed_guest:.2f} s, L0 {passed:.2f} s"
    )
    return Caveat(code="clock-disagrees", where=(series.machine,), text=text)
