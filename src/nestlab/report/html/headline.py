"""What a reader must have seen when he closes the page after ten seconds."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from nestlab.analysis.models import Loss
from nestlab.report.html.losses import EXITS, first_metrics
from nestlab.report.html.machines import Look
from nestlab.report.models import Report, Row
from nestlab.report.text import NO_DIFFERENCE, loss_interval, percent, shown
from nestlab.result.models import Result


@dataclass(frozen=True)
class Extreme:
    """A change in percent, of which figure, and its interval."""

    change: str
    figure: str
    detail: str


@dataclass(frozen=True)
class Tile:
    """One step down: the figures that lose most and least on it, and how sure that is."""

    step: str
    is_emulated: bool
    worst: Extreme
    least: Extreme | None
    told: str


@dataclass(frozen=True)
class Headline:
    """The sentence on top and a tile for each step."""

    sentence: str
    tiles: tuple[Tile, ...]


def headline(result: Result, report: Report, looked: Mapping[str, Look]) -> Headline:
    """The greatest and the least loss of each step; no mean of losses is made up."""
    counts = {row.n for row in report.rows if row.n}
    samples = f"{min(counts)} to {max(counts)}" if len(counts) > 1 else str(max(counts, default=0))
    bad = sum(row.status != "ok" for row in report.rows)
    parts = [
        _count(len(result.machines), "machine"),
        _count(len(report.rows), "figure"),
        f"{samples} sample{'' if samples == '1' else 's'} each",
        *([f"{_count(bad, 'figure')} without a value"] if bad else []),
    ]
    if result.run.turns is not None and result.run.ended is None:
        parts.append("the run was not over when this was written")
    return Headline(", ".join(parts), tuple(_tiles(report, looked)))


def _tiles(report: Report, looked: Mapping[str, Look]) -> Iterator[Tile]:
    firsts = _firsts(report)
    for path, look in looked.items():
        found = [
            (row, row.step_loss)
            for row in firsts
            if row.machine == path and row.step_loss is not None
        ]
        if not found or look.step is None:
            continue
        ranked = sorted(found, key=lambda each: each[1].value)
        yield Tile(
            step=look.step,
            is_emulated=look.is_emulated,
            worst=_extreme(*ranked[-1]),
            least=_extreme(*ranked[0]) if len(ranked) > 1 else None,
            told=_told([loss for _, loss in found]),
        )


def _firsts(report: Report) -> list[Row]:
    """One figure for each case, as in the charts of losses; an exit's cost is no loss of work."""
    workloads: dict[str, list[Row]] = {}
    for row in report.rows:
        if row.workload != EXITS:
            workloads.setdefault(row.workload, []).append(row)
    return [
        row
        for rows in workloads.values()
        for firsts in (first_metrics(rows),)
        for row in rows
        if row.metric == firsts[row.case]
    ]


def _told(found: list[Loss]) -> str:
    undecided = sum(loss.is_undecided for loss in found)
    unknown = sum(loss.low is None for loss in found)
    if unknown == len(found):
        return f"{_count(len(found), 'case')}; too few samples for intervals"
    decided = (
        f"{len(found) - undecided - unknown} of {_count(len(found), 'case')} with a difference"
    )
    return f"{decided}; too few samples for {unknown}" if unknown else decided


def _extreme(row: Row, found: Loss) -> Extreme:
    bounds = loss_interval(found)
    detail = f"95 %: {bounds}" if bounds else f"no interval, n {row.n}"
    return Extreme(
        percent(-found.value),
        f"{shown(row.workload, 80)} {shown(row.case, 80)}, {shown(row.unit, 80)}",
        f"{detail}, {NO_DIFFERENCE}" if found.is_undecided else detail,
    )


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
