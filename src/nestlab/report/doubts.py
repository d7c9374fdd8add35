"""Warnings on samples: too few, spread wide, drifting, gathered around two values."""

from collections.abc import Iterator

from nestlab.analysis.doubts import ENOUGH, drift, modes, variation
from nestlab.analysis.interval import LEAST
from nestlab.analysis.samples import in_order, values_of
from nestlab.report.models import Caveat
from nestlab.report.text import number, percent
from nestlab.result.models import Result, Series

NAMED = 6
"""Figures that a warning names; the others it counts."""

Told = list[tuple[Series, str]]


def sample_caveats(result: Result) -> Iterator[Caveat]:
    """One warning for each kind of doubt, with the figures that it is about."""
    few: Told = []
    wide: Told = []
    drifting: Told = []
    double: Told = []
    for series in result.series:
        values = in_order(series)
        if 1 < len(values) < ENOUGH:
            few.append((series, f"{len(values)} samples"))
        if (found := variation(values)) is not None:
            wide.append((series, f"{found * 100:.0f} %"))
        if (trend := drift(values)) is not None:
            drifting.append((series, percent(trend.change)))
        if (two := modes(values)) is not None:
            double.append((series, f"{number(two.low)} and {number(two.high)} {series.unit}"))
    yield from _few(result, few)
    yield from _caveat("drift", drifting, "changes while it is measured, so its median says little")
    yield from _caveat("bimodal", double, "gathers around two values, so its median may be neither")
    yield from _caveat("high-variance", wide, "spreads by more than a tenth of its mean")


def _few(result: Result, few: Told) -> Iterator[Caveat]:
    if few:
        measured = sum(len(values_of(series)) > 0 for series in result.series)
        text = (
            f"{len(few)} of {measured} figures rest on fewer than {ENOUGH} samples: with fewer "
            f"than {LEAST} there is no interval, with {LEAST} or {ENOUGH - 1} it is too narrow"
        )
        yield Caveat(code="too-few-samples", where=_machines(few), text=text)


def _caveat(code: str, told: Told, what: str) -> Iterator[Caveat]:
    if told:
        named = [
            f"{series.workload} {series.case} {series.metric} on {series.machine} ({detail})"
            for series, detail in told[:NAMED]
        ]
        more = [f"{len(told) - NAMED} more"] if len(told) > NAMED else []
        yield Caveat(code=code, where=_machines(told), text=f"{what}: {', '.join(named + more)}")


def _machines(told: Told) -> tuple[str, ...]:
    return tuple(dict.fromkeys(series.machine for series, _ in told))
