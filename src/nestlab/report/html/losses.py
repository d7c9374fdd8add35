"""What each level costs: for each workload the figures by level, and the changes as a chart."""

from collections.abc import Iterable, Iterator, Mapping

import altair as alt

from nestlab.report.html.chart import Values, band_height, chart, data, machine_colour, named
from nestlab.report.html.exhibit import Cell, Chart, Exhibit, Line, Table
from nestlab.report.html.machines import Look
from nestlab.report.models import Report, Row
from nestlab.report.text import (
    ABSENT,
    NO_DIFFERENCE,
    interval,
    loss_interval,
    number,
    percent,
    shown,
)

EXITS = "exits"
"""The workload whose figures are costs of exits, not losses of work: it has its own section."""


def losses(report: Report, looked: Mapping[str, Look]) -> Iterator[Exhibit]:
    """An exhibit for each workload but exits, with every figure of it."""
    workloads: dict[str, list[Row]] = {}
    for row in report.rows:
        workloads.setdefault(row.workload, []).append(row)
    works = ((workload, rows) for workload, rows in workloads.items() if workload != EXITS)
    for place, (workload, rows) in enumerate(works, start=1):
        yield Exhibit(
            title=shown(workload),
            is_emulated=any(row.emulated for row in rows),
            chart=_chart(f"loss-{place}", workload, rows, looked),
            table=table(workload, rows, looked),
        )


def figure_name(row: Row) -> str:
    """`randread iops`: a case and a metric of it, short enough for an axis."""
    return f"{shown(row.case, 80)} {shown(row.metric, 80)}"


def median_cell(row: Row | None) -> Cell:
    """A median with its interval and the number of samples, or why there is none."""
    if row is None:
        return Cell(ABSENT)
    if row.median is None:
        return Cell(row.status, shown(row.reason or ""))
    bounds = interval(row.low, row.high)
    count = f"n {row.n}"
    return Cell(number(row.median), f"{bounds}, {count}" if bounds else count, is_number=True)


def loss_cell(row: Row | None) -> Cell:
    """A change against the parent, with a sign; minus is the worse."""
    if row is None or row.step_loss is None:
        return Cell(ABSENT)
    found = row.step_loss
    mark = NO_DIFFERENCE if found.is_undecided else None
    return Cell(percent(-found.value), loss_interval(found), mark=mark, is_number=True)


def table(workload: str, rows: list[Row], looked: Mapping[str, Look]) -> Table:
    """Figures of a workload by level, then its losses from level to level."""
    by_place = {(row.case, row.metric, row.machine): row for row in rows}
    measured = {row.machine for row in rows}
    machines = [look for path, look in looked.items() if path in measured]
    steps = [look for look in machines if look.step]
    units = {(row.case, row.metric): row for row in reversed(rows)}
    lines = []
    for place in dict.fromkeys((row.case, row.metric) for row in rows):
        row = units[place]
        cells = [median_cell(by_place.get((*place, look.path))) for look in machines]
        changes = [loss_cell(by_place.get((*place, look.path))) for look in steps]
        lines.append(Line(f"{figure_name(row)}, {shown(row.unit, 80)}", (*cells, *changes)))
    return Table(
        caption=f"{shown(workload)}: medians by level with 95 % intervals, and the change from "
        "level to level (minus is the worse)",
        head=("figure", *(look.label for look in machines), *(look.against for look in steps)),
        lines=tuple(lines),
    )


def _chart(name: str, workload: str, rows: list[Row], looked: Mapping[str, Look]) -> Chart | None:
    """One figure for each case, the first that is a rate if there is one; nothing without a loss.

    The other figures of a case mostly say the same in another unit; the table has them.
    """
    firsts = first_metrics(rows)
    chosen = [row for row in rows if row.metric == firsts[row.case] and row.step_loss]
    if not chosen:
        return None
    present = [look for path, look in looked.items() if any(row.machine == path for row in chosen)]
    cases = list(dict.fromkeys(shown(row.case, 80) for row in chosen))
    rows_of = _by_name(_values(chosen, looked))
    return chart(
        name,
        shown(workload, 80),
        "change against the level above",
        _layers(rows_of, cases, present),
        rows_of,
        is_emulated=any(row.emulated for row in chosen),
    )


def first_metrics(rows: Iterable[Row]) -> dict[str, str]:
    """Case of a workload -> its first metric that is a rate, else its first."""
    found: dict[str, str] = {}
    for row in sorted(rows, key=lambda row: row.better != "higher"):
        found.setdefault(row.case, row.metric)
    return found


def _values(chosen: list[Row], looked: Mapping[str, Look]) -> Values:
    return [
        {
            "case": shown(row.case, 80),
            "figure": figure_name(row),
            "step": looked[row.machine].against,
            "change": -100 * row.step_loss.value,
            "low": None if row.step_loss.high is None else -100 * row.step_loss.high,
            "high": None if row.step_loss.low is None else -100 * row.step_loss.low,
            "undecided": row.step_loss.is_undecided,
            "told": percent(-row.step_loss.value),
            "95 %": (loss_interval(row.step_loss) or "too few samples")
            + (f", {NO_DIFFERENCE}" if row.step_loss.is_undecided else ""),
        }
        for row in chosen
        if row.step_loss is not None
    ]


def _by_name(values: Values) -> dict[str, Values]:
    """All changes, those that were shown and those that were not, where there are any."""
    decided = [each for each in values if not each["undecided"]]
    undecided = [each for each in values if each["undecided"]]
    zero: Values = [{"zero": 0}]
    found = {"changes": values, "decided": decided, "undecided": undecided, "zero": zero}
    return {name: rows for name, rows in found.items() if rows}


def _layers(rows: Mapping[str, Values], cases: list[str], present: list[Look]) -> list[alt.Chart]:
    steps = named(present, "step")
    base = alt.Chart(data("changes"), height=band_height(len(cases), len(steps)))
    place = {
        "y": alt.Y("case", type="nominal", title=None, scale=alt.Scale(domain=cases)),
        "yOffset": alt.YOffset("step", type="nominal", scale=alt.Scale(domain=steps)),
    }
    title = "change, % (minus is the worse)"
    zero = alt.Chart(data("zero")).mark_rule(strokeDash=[4, 3])
    colour = machine_colour(present, "step")
    told = ("figure", "step", "told", "95 %")
    return [
        zero.encode(x=alt.X("zero", type="quantitative")),
        base.mark_rule(strokeWidth=2).encode(
            x=alt.X("low", type="quantitative", title=title),
            x2=alt.X2("high"),
            color=colour["color"],
            **place,
        ),
        *(
            alt.Chart(data(name))
            .mark_point(size=70, filled=name == "decided", strokeWidth=2, opacity=1)
            .encode(
                x=alt.X("change", type="quantitative", title=title),
                tooltip=[alt.Tooltip(field, type="nominal") for field in told],
                **colour,
                **place,
            )
            for name in ("decided", "undecided")
            if name in rows
        ),
    ]
