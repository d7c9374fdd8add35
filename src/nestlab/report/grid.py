"""The report's table as plain text cells, before it is drawn: figures by level, then losses."""

from collections.abc import Iterator
from dataclasses import dataclass

from nestlab.harmless import plain
from nestlab.report.models import Report, Row
from nestlab.report.text import (
    ABSENT,
    NO_DIFFERENCE,
    interval,
    loss_interval,
    number,
    percent,
)


@dataclass(frozen=True)
class Column:
    """One figure. `heading` has the case above the unit, and the metric where units repeat."""

    workload: str
    case: str
    metric: str
    heading: tuple[str, str]


@dataclass(frozen=True)
class Cell:
    """A median or a loss; below it its 95 % interval, and what else is to be said of it."""

    figure: str
    interval: str | None = None
    remark: str | None = None

    @property
    def lines(self) -> tuple[str, ...]:
        """Its lines, the figure first."""
        return tuple(line for line in (self.figure, self.interval, self.remark) if line)


@dataclass(frozen=True)
class Line:
    """One line: a machine's figures, or its losses against its parent."""

    label: str
    cells: tuple[Cell, ...]
    is_loss: bool = False


@dataclass(frozen=True)
class Grid:
    """A whole table; `notes` are its footnotes and warnings, one sentence each."""

    title: str | None
    columns: tuple[Column, ...]
    lines: tuple[Line, ...]
    notes: tuple[str, ...]


def grid(report: Report) -> Grid:
    """The table of the seed document: a line for each level, then one for each step down.

    All strings are printable, whatever a guest put into them. A loss is shown as the document
    does, with a sign: a loss of 0.525 is minus 52.5 %, and minus is always the worse.
    """
    shown = [row for row in report.rows if _is_shown(row, report)]
    cells = {(_place(row), row.machine): row for row in shown}
    columns = _columns(shown)
    machines = _machines(shown)
    marks = _marks(shown)
    same_n = len({row.n for row in shown if row.n}) < 2
    places = [(c.workload, c.case, c.metric) for c in columns]
    figures = [
        Line(
            _label(row, machines) + (" emulated" if row.emulated else ""),
            tuple(
                _figure(cells.get((place, row.machine)), marks, same_n=same_n) for place in places
            ),
        )
        for row in machines
    ]
    losses = [
        Line(
            f"{_label(row, machines)} against {_label_of(row.parent, machines)}",
            tuple(_loss(cells.get((place, row.machine))) for place in places),
            is_loss=True,
        )
        for row in machines
        if row.parent is not None
    ]
    is_emulated = any(row.emulated for row in shown)
    return Grid(
        title="emulated: timings of emulated hardware" if is_emulated else None,
        columns=columns,
        lines=(*figures, *losses),
        notes=(*_notes(report, shown, marks),),
    )


def _place(row: Row) -> tuple[str, str, str]:
    return (row.workload, row.case, row.metric)


def _is_shown(row: Row, report: Report) -> bool:
    """Rates; what costs time only where its case has no rate (the rows have everything)."""
    return row.better == "higher" or all(
        other.better == "lower"
        for other in report.rows
        if (other.workload, other.case) == (row.workload, row.case)
    )


def _columns(shown: list[Row]) -> tuple[Column, ...]:
    by_place = {_place(row): row for row in reversed(shown)}
    units = [(row.workload, row.case, row.unit) for row in by_place.values()]
    columns = []
    for row in dict.fromkeys(_place(row) for row in shown):
        first = by_place[row]
        alone = units.count((first.workload, first.case, first.unit)) == 1
        unit = first.unit if alone else f"{first.metric} {first.unit}"
        columns.append(Column(*row, heading=(plain(first.case), plain(unit))))
    return tuple(columns)


def _machines(shown: list[Row]) -> list[Row]:
    """A row for each machine, the host first."""
    first = {row.machine: row for row in reversed(shown)}
    return sorted(first.values(), key=lambda row: (row.level, row.machine))


def _label(row: Row, machines: list[Row]) -> str:
    """`L1`; where several machines are on that level, with the path."""
    shared = sum(other.level == row.level for other in machines) > 1
    return f"L{row.level} {plain(row.machine)}" if shared else f"L{row.level}"


def _label_of(path: str, machines: list[Row]) -> str:
    return next((_label(row, machines) for row in machines if row.machine == path), plain(path))


def _figure(row: Row | None, marks: dict[tuple[str, ...], int], *, same_n: bool) -> Cell:
    """How many samples it has is said in each cell where that differs, else in a note."""
    if row is None:
        return Cell(ABSENT)
    if row.median is None:
        return Cell(f"{row.status} [{marks[_failure(row)]}]")
    remark = None if same_n else f"n {row.n}"
    return Cell(number(row.median), interval(row.low, row.high), remark)


def _loss(row: Row | None) -> Cell:
    if row is None or row.step_loss is None:
        return Cell(ABSENT)
    found = row.step_loss
    remark = NO_DIFFERENCE if found.is_undecided else None
    return Cell(percent(-found.value), loss_interval(found), remark)


def _failure(row: Row) -> tuple[str, ...]:
    """What two figures of one failed run share, so that they share a footnote."""
    return (row.machine, row.workload, row.case, row.status, row.reason or "")


def _marks(shown: list[Row]) -> dict[tuple[str, ...], int]:
    failures = dict.fromkeys(_failure(row) for row in shown if row.median is None)
    return {failure: place for place, failure in enumerate(failures, start=1)}


def _notes(report: Report, shown: list[Row], marks: dict[tuple[str, ...], int]) -> Iterator[str]:
    for (machine, workload, case, status, reason), mark in marks.items():
        yield plain(f"[{mark}] {machine}, {workload} {case}: {status}: {reason}")
    yield from _reading(shown)
    for warning in report.warnings:
        yield plain(f"warning: {warning.text} ({warning.code})")


def _reading(shown: list[Row]) -> Iterator[str]:
    """How to read the cells, as far as these need it."""
    counts = {row.n for row in shown if row.n}
    if counts and max(counts) > 1:
        least, most = min(counts), max(counts)
        spread = str(most) if least == most else f"{least} to {most}"
        below = any(row.low is not None for row in shown)
        told = f"figures are medians of {spread} samples"
        yield told + (", with their 95 % intervals" if below else "")
    if any(row.step_loss and row.step_loss.is_undecided for row in shown):
        yield f"{NO_DIFFERENCE}: the 95 % interval of the loss includes 0"
