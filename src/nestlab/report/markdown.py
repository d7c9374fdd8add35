"""The report in Markdown."""

import re

from nestlab.report.grid import Column, grid
from nestlab.report.models import Report
from nestlab.report.text import plain

_SPECIAL = re.compile(r"[\\`*_\[\]<>|&~#!$]")


def markdown(report: Report) -> str:
    """The same table as `table`, in one piece, with its notes as a list below."""
    whole = grid(report)
    head = ["level", *(_heading(column) for column in whole.columns)]
    body = [[line.label, *line.cells] for line in whole.lines]
    parts = [f"**{_escape(whole.title)}**", ""] if whole.title else []
    parts += [_line(head), "| --- |" + " ---: |" * len(whole.columns), *map(_line, body)]
    if whole.notes:
        parts += ["", *(f"- {_escape(note)}" for note in whole.notes)]
    return "\n".join(parts) + "\n"


def _heading(column: Column) -> str:
    return " ".join((plain(column.workload), *column.heading))


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(map(_escape, cells)) + " |"


def _escape(text: str) -> str:
    return _SPECIAL.sub(r"\\\g<0>", text)
