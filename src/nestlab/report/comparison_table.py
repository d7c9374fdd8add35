"""A comparison on a terminal or in a pipe."""

from rich import box
from rich.cells import cell_len
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from nestlab.report.comparison import Comparison
from nestlab.report.comparison_grid import HEAD, STEP_HEAD, comparison_grid
from nestlab.report.table import encodable

_WORDY = frozenset({"figure", "level", "step", "verdict"})
_LONGEST_WORD = 12
"""Columns up to which a word keeps its column wide; a longer one is folded."""


def comparison_table(found: Comparison, console: Console) -> Group:
    """What the caller prints on that console: a table for each case, then the notes.

    Words are folded where the width does not suffice, numbers never.
    """
    whole = comparison_grid(found)
    drawn: list[Table | Text] = [Text(encodable(whole.title, console), overflow="fold")]
    for block in whole.blocks:
        drawn.append(_draw(block.title, HEAD, block.changes, console))
        if block.steps:
            title = f"{block.title}, level to level"
            drawn.append(_draw(title, STEP_HEAD, block.steps, console))
    notes = [Text(encodable(note, console), overflow="fold") for note in whole.notes]
    return Group(*drawn, *notes)


def _draw(
    title: str, head: tuple[str, ...], lines: tuple[tuple[str, ...], ...], console: Console
) -> Table:
    drawn = Table(
        title=Text(encodable(title, console)),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    for place, name in enumerate(head):
        if name in _WORDY:
            words = [word for line in lines for word in line[place].split()]
            longest = min(max(map(cell_len, words), default=0), _LONGEST_WORD)
            drawn.add_column(name, overflow="fold", min_width=longest)
        else:
            widest = max(cell_len(line[place]) for line in lines)
            drawn.add_column(name, justify="right", no_wrap=True, min_width=widest)
    for line in lines:
        drawn.add_row(*(Text(encodable(cell, console)) for cell in line))
    return drawn
