"""Reports and comparisons as CSV: a line of column names, then a line for each figure.

Columns are the fields of `nestlab.report/1` and `nestlab.comparison/1`, with a loss spread over
three. New columns are added at the end. Numbers are as exact as the file has them, losses are
fractions, and what is not known is empty.
"""

import csv
import io
from collections.abc import Iterable, Sequence

from nestlab.analysis.models import Change, Loss, Side
from nestlab.report.comparison import Comparison
from nestlab.report.models import Report, Row
from nestlab.report.text import shown

Value = str | float | None

FIGURE = ("workload", "case", "metric", "unit", "better", "machine", "level", "parent")
REPORT_COLUMNS = (
    *FIGURE,
    *("status", "reason", "median", "low", "high", "n", "emulated"),
    *("step_loss", "step_loss_low", "step_loss_high"),
    *("total_loss", "total_loss_low", "total_loss_high"),
)
_SIDE = ("median", "low", "high", "n", "step_loss", "step_loss_low", "step_loss_high")
COMPARISON_COLUMNS = (
    *FIGURE,
    *(f"a_{name}" for name in _SIDE),
    *(f"b_{name}" for name in _SIDE),
    *("loss", "loss_low", "loss_high", "p", "verdict", "regression", "reason", "emulated"),
)

_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What a spreadsheet takes for the beginning of a formula, also as full-width characters.

OWASP, *CSV Injection*. Tabs and line ends are on that list too; none is left in our text.
"""


def report_csv(report: Report) -> str:
    """The rows of a report, with emulated figures marked in each line."""
    return _text(REPORT_COLUMNS, map(_of_row, report.rows))


def comparison_csv(found: Comparison) -> str:
    """Every change, those without a verdict too."""
    emulated = found.emulated
    lines = (
        _of_change(change, found.threshold, emulated=change.machine in emulated)
        for change in found.changes
    )
    return _text(COMPARISON_COLUMNS, lines)


def harmless(text: str) -> str:
    """Printable text that no spreadsheet runs: what would be a formula gets an apostrophe."""
    told = shown(text)
    return f"'{told}" if told.lstrip().startswith(_FORMULA) else told


def _of_row(row: Row) -> Sequence[Value]:
    return (
        *_figure(row),
        *(row.status, row.reason, row.median, row.low, row.high, row.n, _word(row.emulated)),
        *_loss(row.step_loss),
        *_loss(row.total_loss),
    )


def _of_change(change: Change, threshold: float, *, emulated: bool) -> Sequence[Value]:
    regression = _word(change.regressed(threshold))
    return (
        *_figure(change),
        *_side(change.a),
        *_side(change.b),
        *_loss(change.loss),
        *(change.p, change.verdict, regression, change.reason, _word(emulated)),
    )


def _figure(of: Row | Change) -> Sequence[Value]:
    return (
        *(of.workload, of.case, of.metric, of.unit, of.better),
        *(of.machine, of.level, of.parent),
    )


def _side(side: Side | None) -> Sequence[Value]:
    if side is None:
        return (None,) * len(_SIDE)
    return (side.median, side.low, side.high, side.n, *_loss(side.step_loss))


def _loss(loss: Loss | None) -> Sequence[Value]:
    return (None, None, None) if loss is None else (loss.value, loss.low, loss.high)


def _word(answer: bool) -> str:
    return "true" if answer else "false"


def _text(columns: Sequence[str], lines: Iterable[Sequence[Value]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    for line in lines:
        writer.writerow([harmless(each) if isinstance(each, str) else each for each in line])
    return out.getvalue()
