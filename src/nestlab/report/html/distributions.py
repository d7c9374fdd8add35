"""Latency distributions, and what exits cost: quantiles by level on a logarithmic axis."""

from collections.abc import Iterable, Iterator, Mapping

import altair as alt

from nestlab.report.html.chart import Values, band_height, chart, data, machine_colour, named
from nestlab.report.html.exhibit import Chart, Exhibit, Line, Table
from nestlab.report.html.losses import EXITS, median_cell, table
from nestlab.report.html.machines import Look
from nestlab.report.html.quantiles import Statistic, statistic
from nestlab.report.models import Report, Row
from nestlab.report.text import number, shown

_SHAPES = ("circle", "M0,-0.8V0.8", "square", "diamond", "triangle-up")
"""Of the statistics, in their order; the second is a stroke across the line."""

Named = list[tuple[Statistic, Row]]


def latencies(report: Report, looked: Mapping[str, Look]) -> Iterator[Exhibit]:
    """An exhibit for each workload that has quantiles or a mean of a time; one per unit."""
    groups: dict[tuple[str, str], Named] = {}
    for found, row in _statistics(report.rows):
        if row.workload != EXITS:
            groups.setdefault((row.workload, row.unit), []).append((found, row))
    for place, ((workload, unit), rows) in enumerate(groups.items(), start=1):
        what = f"{shown(workload, 80)}: latency"
        yield _exhibit(f"latency-{place}", what, unit, rows, looked)


def exit_costs(report: Report, looked: Mapping[str, Look]) -> Iterator[Exhibit]:
    """All kinds of exits by unit, and what they lose from level to level."""
    groups: dict[str, Named] = {}
    for found, row in _statistics(report.rows):
        if row.workload == EXITS:
            groups.setdefault(row.unit, []).append((found, row))
    for place, (unit, rows) in enumerate(groups.items(), start=1):
        yield _exhibit(f"exits-{place}", "cost of an exit", unit, rows, looked)
    every = [row for row in report.rows if row.workload == EXITS]
    if every:
        yield Exhibit(
            title="exits from level to level",
            is_emulated=any(row.emulated for row in every),
            chart=None,
            table=table(EXITS, every, looked),
            is_long=True,
        )


def _statistics(rows: Iterable[Row]) -> Named:
    found = [(statistic(row.metric), row) for row in rows if row.better == "lower"]
    return [(each, row) for each, row in found if each is not None]


def _exhibit(name: str, what: str, unit: str, rows: Named, looked: Mapping[str, Look]) -> Exhibit:
    return Exhibit(
        title=what,
        is_emulated=any(row.emulated for _, row in rows),
        chart=_chart(name, what, unit, rows, looked),
        table=_table(f"{what}, {shown(unit, 80)}", rows, looked),
    )


def _table(what: str, rows: Named, looked: Mapping[str, Look]) -> Table:
    statistics = sorted({found for found, _ in rows})
    by_place = {(row.case, row.machine, found): row for found, row in rows}
    lines = []
    for case in dict.fromkeys(row.case for _, row in rows):
        for path, look in looked.items():
            cells = [by_place.get((case, path, each)) for each in statistics]
            if any(cells):
                label = f"{shown(case, 80)}, {look.label}"
                lines.append(Line(label, tuple(map(median_cell, cells))))
    return Table(
        caption=f"{what}: medians over the rounds with 95 % intervals (less is better)",
        head=("case and level", *(each.name for each in statistics)),
        lines=tuple(lines),
    )


def _chart(
    name: str, what: str, unit: str, rows: Named, looked: Mapping[str, Look]
) -> Chart | None:
    """None where nothing can be drawn on a logarithmic axis."""
    drawable = [(found, row) for found, row in rows if row.median is not None and row.median > 0]
    if not drawable:
        return None
    paths = {row.machine for _, row in drawable}
    present = [look for path, look in looked.items() if path in paths]
    axis = f"{shown(unit, 80)} (logarithmic)"
    values = _values(drawable, looked)
    return chart(
        name,
        what,
        "quantiles by level, medians over the rounds",
        _layers(values, axis, present),
        {"quantiles": values, "spans": _spans(values)},
        is_emulated=any(look.is_emulated for look in present),
    )


def _values(drawable: Named, looked: Mapping[str, Look]) -> Values:
    return [
        {
            "case": shown(row.case, 80),
            "machine": looked[row.machine].label,
            "statistic": found.name,
            "value": row.median,
            "told": f"{number(row.median)} {shown(row.unit, 80)}",
        }
        for found, row in sorted(drawable, key=lambda each: each[0])
        if row.median is not None
    ]


def _spans(values: Values) -> Values:
    """From the least to the greatest statistic of each case on each machine."""
    ends: dict[tuple[str, str], list[float]] = {}
    for each in values:
        key = (str(each["case"]), str(each["machine"]))
        ends.setdefault(key, []).append(float(each["value"] or 0))
    return [
        {"case": case, "machine": machine, "low": min(found), "high": max(found)}
        for (case, machine), found in ends.items()
    ]


def _layers(values: Values, axis: str, present: list[Look]) -> list[alt.Chart]:
    machines = alt.Scale(domain=named(present, "machine"))
    cases = alt.Scale(domain=list(dict.fromkeys(str(each["case"]) for each in values)))
    place = {
        "y": alt.Y("case", type="nominal", title=None, scale=cases),
        "yOffset": alt.YOffset("machine", type="nominal", scale=machines),
    }
    statistics = list(dict.fromkeys(str(each["statistic"]) for each in values))
    shapes = alt.Shape(
        "statistic",
        type="nominal",
        scale=alt.Scale(domain=statistics, range=[_SHAPES[s % 5] for s in range(len(statistics))]),
        legend=alt.Legend(orient="top", title=None, columns=4),
    )
    colour = machine_colour(present, "machine")["color"]
    scale = alt.Scale(type="log", nice=False, padding=24)
    height = band_height(len({str(each["case"]) for each in values}), len(present))
    span = alt.Chart(data("spans"), height=height)
    points = alt.Chart(data("quantiles"))
    return [
        span.mark_rule(strokeWidth=2, opacity=0.6).encode(
            x=alt.X("low", type="quantitative", scale=scale, title=axis),
            x2=alt.X2("high"),
            color=colour,
            **place,
        ),
        points.mark_point(size=60, filled=False, strokeWidth=2, opacity=1).encode(
            x=alt.X("value", type="quantitative", scale=scale, title=axis),
            color=colour,
            shape=shapes,
            tooltip=[
                alt.Tooltip(field, type="nominal")
                for field in ("case", "machine", "statistic", "told")
            ],
            **place,
        ),
    ]
