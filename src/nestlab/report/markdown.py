"""The report in Markdown."""

import re
from collections.abc import Sequence

from nestlab.harmless import plain
from nestlab.report.grid import Cell, Column, grid
from nestlab.report.models import Report

_SPECIAL = re.compile(r"[\\`*_\[\]<>|&~#!$]")


def markdown(report: Report) -> str:
    """The same table as `table`, in one piece, with its notes as a list below."""
    whole = grid(report)
    head = ["level", *(_heading(column) for column in whole.columns)]
    body = [[line.label, *map(_cell, line.cells)] for line in whole.lines]
    parts = [f"**{escape(whole.title)}**", ""] if whole.title else []
    parts += [table_line(head), "| --- |" + " ---: |" * len(whole.columns), *map(table_line, body)]
    if whole.notes:
        parts += ["", *(f"- {escape(note)}" for note in whole.notes)]
    return "\n".join(parts) + "\n"


def _heading(column: Column) -> str:
    return " ".join((plain(column.workload), *column.heading))


def _cell(cell: Cell) -> str:
    """On one line: the figure, its interval in brackets, what else is to be said."""
    bounds = f" ({cell.interval})" if cell.interval else ""
    return f"{cell.figure}{bounds}" + (f", {cell.remark}" if cell.remark else "")


def table_line(cells: Sequence[str]) -> str:
    """One line of a table."""
    return "| " + " | ".join(map(escape, cells)) + " |"


def escape(text: str) -> str:
    """The text without meaning for Markdown."""
    return _SPECIAL.sub(r"\\\g<0>", text)
