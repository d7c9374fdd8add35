"""Figures over the rounds, so that a drift is seen: each against its own median."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import altair as alt
import numpy as np

from nestlab.analysis.interval import is_moderate, median
from nestlab.analysis.ranks import Values as Samples
from nestlab.analysis.samples import in_order, values_of
from nestlab.report.html.chart import Datum, chart, data, machine_colour
from nestlab.report.html.exhibit import Cell, Chart, Exhibit, Line, Table
from nestlab.report.html.machines import Look
from nestlab.report.text import ABSENT, number, percent, shown
from nestlab.result.models import Result, Series

POINTS = 60
"""Points of a line at most; beyond, each is the median of neighbours."""

Lines = dict[str, Samples]
"""A machine's path -> its values over time."""


@dataclass(frozen=True)
class _Figure:
    """One figure on all machines; `size` neighbouring samples make a point."""

    workload: str
    case: str
    metric: str
    unit: str
    lines: Lines
    size: int

    @property
    def title(self) -> str:
        return f"{shown(self.workload, 80)} {shown(self.case, 80)} {shown(self.metric, 80)}"

    def moment(self, place: int) -> str:
        """`3`, or `5 to 8` where several samples are one point."""
        first = place * self.size + 1
        return str(first) if self.size == 1 else f"{first} to {first + self.size - 1}"


def rounds(result: Result, looked: Mapping[str, Look]) -> Iterator[Exhibit]:
    """One exhibit for each case that has more than one sample of its first figure."""
    for place, figure in enumerate(_figures(result, tuple(looked)), start=1):
        is_emulated = any(looked[path].is_emulated for path in figure.lines)
        yield Exhibit(
            title=figure.title,
            is_emulated=is_emulated,
            chart=_chart(f"rounds-{place}", figure, looked, is_emulated=is_emulated),
            table=_table(figure, looked),
            is_long=True,
        )


def _figures(result: Result, order: tuple[str, ...]) -> Iterator[_Figure]:
    cases: dict[tuple[str, str], list[Series]] = {}
    for series in result.series:
        cases.setdefault((series.workload, series.case), []).append(series)
    for (workload, case), found in cases.items():
        first = min(found, key=lambda series: series.better != "higher")
        same = [s for s in found if (s.metric, s.unit) == (first.metric, first.unit)]
        same.sort(key=lambda series: order.index(series.machine))
        measured = [(s.machine, in_order(s)) for s in same if len(values_of(s)) > 1]
        if measured:
            size = -(-max(len(values) for _, values in measured) // POINTS)
            lines = {path: _thinned(values, size) for path, values in measured}
            yield _Figure(workload, case, first.metric, first.unit, lines, size)


def _thinned(values: Samples, size: int) -> Samples:
    parts = [values[start : start + size] for start in range(0, len(values), size)]
    return np.array([median(part) for part in parts], dtype=np.float64)


def _table(figure: _Figure, looked: Mapping[str, Look]) -> Table:
    longest = max(map(len, figure.lines.values()))
    lines = [
        Line(
            figure.moment(place),
            tuple(
                Cell(number(values[place]), is_number=True) if place < len(values) else Cell(ABSENT)
                for values in figure.lines.values()
            ),
        )
        for place in range(longest)
    ]
    told = "" if figure.size == 1 else f", medians of {figure.size} neighbours each"
    return Table(
        caption=f"{figure.title}, {shown(figure.unit, 80)}: samples in the order in which they "
        f"were measured{told}",
        head=("sample", *(looked[path].label for path in figure.lines)),
        lines=tuple(lines),
    )


def _chart(
    name: str, figure: _Figure, looked: Mapping[str, Look], *, is_emulated: bool
) -> Chart | None:
    values = list(_values(figure, looked))
    if not values:
        return None
    drawn = {each["machine"] for each in values}
    present = [looked[path] for path in figure.lines if looked[path].label in drawn]
    colour = machine_colour(present, "machine")
    last = max(len(each) for each in figure.lines.values()) * figure.size
    ticks = range(1, last + 1, max(1, -(-last // 8)))
    axis = alt.Axis(values=list(ticks), format="d", grid=False)
    base = alt.Chart(data("samples"), height=140).encode(
        x=alt.X("sample", type="quantitative", title="sample", axis=axis),
        y=alt.Y(
            "deviation", type="quantitative", title="from the median, %", scale=alt.Scale(zero=True)
        ),
    )
    told = ("machine", "samples", "value", "against the median")
    layers = [
        base.mark_line(strokeWidth=1.5).encode(color=colour["color"]),
        base.mark_point(size=40, strokeWidth=1.5, opacity=1).encode(
            tooltip=[alt.Tooltip(field, type="nominal") for field in told], **colour
        ),
    ]
    return chart(
        name,
        figure.title,
        "every sample against its machine's median",
        layers,
        {"samples": values},
        is_emulated=is_emulated,
    )


def _values(figure: _Figure, looked: Mapping[str, Look]) -> Iterator[Datum]:
    for path, values in figure.lines.items():
        middle = median(values)
        if not is_moderate(values) or abs(middle) < 1e-100:
            continue  # no percentage can be drawn; the table has the values
        for place, value in enumerate(map(float, values)):
            away = value / middle - 1
            yield {
                "machine": looked[path].label,
                "sample": place * figure.size + (figure.size + 1) / 2,
                "samples": figure.moment(place),
                "deviation": 100 * away,
                "value": f"{number(value)} {shown(figure.unit, 80)}",
                "against the median": percent(away),
            }
