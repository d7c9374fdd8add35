"""A comparison in Markdown."""

from nestlab.report.comparison import Comparison
from nestlab.report.comparison_grid import HEAD, STEP_HEAD, comparison_grid
from nestlab.report.markdown import escape, table_line


def comparison_markdown(found: Comparison) -> str:
    """All changes in one table, the losses from level to level in another, the notes as a list."""
    whole = comparison_grid(found)
    changes = [(block.title, *cells) for block in whole.blocks for cells in block.changes]
    steps = [(block.title, *cells) for block in whole.blocks for cells in block.steps]
    parts = [f"**{escape(whole.title)}**", "", *_table(("case", *HEAD), changes)]
    if steps:
        parts += ["", *_table(("case", *STEP_HEAD), steps)]
    parts += ["", *(f"- {escape(note)}" for note in whole.notes)]
    return "\n".join(parts) + "\n"


def _table(head: tuple[str, ...], lines: list[tuple[str, ...]]) -> list[str]:
    return [table_line(head), "|" + " --- |" * len(head), *map(table_line, lines)]
