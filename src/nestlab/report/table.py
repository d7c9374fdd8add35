"""The report on a terminal or in a pipe."""

from collections.abc import Iterator

from rich import box
from rich.cells import cell_len
from rich.console import Console, Group
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from nestlab.harmless import plain
from nestlab.report.grid import Cell, Grid, grid
from nestlab.report.models import Report
from nestlab.report.text import ABSENT, MINUS, NO_DIFFERENCE

_ASCII = str.maketrans({MINUS: "-", ABSENT: "-"})


def table(report: Report, console: Console) -> Group:
    """What the caller prints on that console.

    Columns that do not fit side by side become tables one below the other; numbers are never cut.
    Cells are `Text`, not markup, so brackets from a guest are brackets. Colour, width and encoding
    are the console's.
    """
    whole = grid(report)
    tables = [
        part
        for places in _split(whole, console)
        for part in (_title(whole, places, console), _draw(whole, places, console))
    ]
    notes = [Text(encodable(note, console), overflow="fold") for note in whole.notes]
    return Group(*tables, *notes)


def _split(whole: Grid, console: Console) -> Iterator[list[int]]:
    """Column numbers of each table: as few tables as fit the width."""
    pending: list[int] = []
    for group in _groups(whole, list(range(len(whole.columns))), 1, console):
        if pending and not _fits(whole, [*pending, *group], console):
            yield pending
            pending = []
        pending = [*pending, *group]
    if pending:
        yield pending


def _groups(whole: Grid, places: list[int], depth: int, console: Console) -> Iterator[list[int]]:
    """Columns to keep together: a workload's where they fit, else a case's, else each alone."""
    groups: dict[tuple[str, ...], list[int]] = {}
    for place in places:
        column = whole.columns[place]
        key = (column.workload, column.case, column.metric)[:depth]
        groups.setdefault(key, []).append(place)
    for group in groups.values():
        if depth == 3 or _fits(whole, group, console):
            yield group
        else:
            yield from _groups(whole, group, depth + 1, console)


def _fits(whole: Grid, places: list[int], console: Console) -> bool:
    drawn = _draw(whole, places, console)
    unlimited = console.options.update(width=10_000)
    return Measurement.get(console, unlimited, drawn).maximum <= console.width


def _title(whole: Grid, places: list[int], console: Console) -> Text:
    """A line of its own, which may be wider than its table."""
    workloads = ", ".join(dict.fromkeys(whole.columns[place].workload for place in places))
    suffix = f" ({whole.title})" if whole.title else ""
    return Text(encodable(plain(workloads) + suffix, console), overflow="fold")


def _draw(whole: Grid, places: list[int], console: Console) -> Table:
    columns = [whole.columns[place] for place in places]
    drawn = Table(
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    drawn.add_column(Text("level"), overflow="fold")
    for place, column in zip(places, columns, strict=True):
        heading = Text(encodable("\n".join(column.heading), console))
        widest = max(cell_len(text) for line in whole.lines for text in _lines(line.cells[place]))
        drawn.add_column(heading, justify="right", no_wrap=True, min_width=widest)
    for place, line in enumerate(whole.lines):
        if line.is_loss and not whole.lines[place - 1].is_loss:
            drawn.add_section()
        label = Text(encodable(line.label, console))
        drawn.add_row(label, *(_text(line.cells[place], console) for place in places))
    return drawn


def _lines(cell: Cell) -> list[str]:
    """Numbers are never broken; the words for no difference take two lines."""
    return "\n".join(cell.lines).replace(NO_DIFFERENCE, "no difference\nshown").split("\n")


def _text(cell: Cell, console: Console) -> Text:
    figure, *below = (encodable(line, console) for line in _lines(cell))
    text = Text(figure)
    for line in below:
        text.append(f"\n{line}", style="dim")
    return text


def encodable(text: str, console: Console) -> str:
    """The text in the console's encoding; a pipe that knows only ASCII gets ASCII."""
    if not console.options.ascii_only:
        return text
    return text.translate(_ASCII).encode("ascii", "backslashreplace").decode("ascii")
