"""What the page is made of: tables, and charts that have one behind them."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Cell:
    """A figure or a word; below it its interval and what else is to be said.

    mark  a word that stands in the cell and gives it a colour: `differs`, `no difference shown`
    """

    text: str
    detail: str | None = None
    mark: str | None = None
    is_number: bool = False


@dataclass(frozen=True)
class Line:
    """A row of a table; its label is the row's header, and `group` stands above its group."""

    label: str
    cells: tuple[Cell, ...]
    group: str | None = None


@dataclass(frozen=True)
class Table:
    """A table with its column headers; the first is that of the labels."""

    caption: str
    head: tuple[str, ...]
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Chart:
    """A Vega-Lite chart, and the same drawn once for readers without scripts.

    id           the element on the page
    description  what it shows, for those who cannot see it
    spec         takes the width of the page
    svg          has a fixed width
    """

    id: str
    description: str
    spec: dict[str, Any]
    svg: str


@dataclass(frozen=True)
class Exhibit:
    """A table with its chart.

    is_emulated  whether a figure in it comes from an emulated machine
    is_long      whether the table is folded away at first
    """

    title: str
    is_emulated: bool
    chart: Chart | None
    table: Table
    is_long: bool = False
