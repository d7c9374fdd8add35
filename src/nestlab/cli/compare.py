"""`nestlab compare`: two runs, figure by figure."""

import re
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nestlab.cli import output as outputs
from nestlab.cli.runs import HELP, is_reference, open_run
from nestlab.errors import UsageError
from nestlab.harmless import plain_json

if TYPE_CHECKING:
    from nestlab.report.comparison import Comparison

_EXAMPLES = """Examples:

  nestlab compare BEFORE AFTER                  ends with 1 when something is worse by more than 5 %

  nestlab compare BEFORE AFTER --threshold 2%   less is tolerated

  nestlab compare HERE THERE --force            two hosts or kernels: the report says what differs

  nestlab compare seed-2018 RUN                 against the published figures
"""


class Format(StrEnum):
    """How a comparison is shown."""

    TABLE = "table"
    MARKDOWN = "markdown"
    CSV = "csv"
    JSON = "json"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        name="compare",
        help="Say what changed from run A to run B, and whether chance explains it.",
        epilog=_EXAMPLES,
    )(compare)


def compare(
    a: Annotated[str, typer.Argument(metavar="A", help=HELP)],
    b: Annotated[str, typer.Argument(metavar="B", help="The same, of what A is compared with.")],
    threshold: Annotated[
        str, typer.Option(help="The loss from which on a figure that is worse is a regression.")
    ] = "5%",
    force: Annotated[
        bool, typer.Option("--force", help="Compare although keys differ, and list them.")
    ] = False,
    format_: Annotated[Format, typer.Option("--format", help="What to print.")] = Format.TABLE,
    output: Annotated[Path | None, typer.Option(help=outputs.HELP)] = None,
) -> None:
    """Compare two runs."""
    from nestlab.report.comparison import comparison

    limit = parse_threshold(threshold)
    found = comparison(
        open_run(a),
        open_run(b),
        threshold=limit,
        forced=force,
        reference=is_reference(a) or is_reference(b),
    )
    _show(found, format_, output)
    if found.regressions:
        raise typer.Exit(1)


def parse_threshold(text: str) -> float:
    """The fraction of `5%`; a number alone is percent too. Raises UsageError."""
    match = re.fullmatch(r"(\d{1,3}(?:\.\d{1,6})?)\s*%?", text.strip(), re.ASCII)
    if not match or not 0 <= float(match[1]) < 100:
        raise UsageError(
            "compare.threshold",
            f"{text!r} is not a threshold",
            hint="give a percentage below 100, such as 5% or 2.5%",
        )
    return float(match[1]) / 100


def _show(found: "Comparison", format_: Format, output: Path | None) -> None:
    if format_ is Format.JSON:
        outputs.write_out(plain_json(found.model_dump_json(by_alias=True, indent=1)), output)
    elif format_ is Format.MARKDOWN:
        from nestlab.report.comparison_markdown import comparison_markdown

        outputs.write_out(comparison_markdown(found), output)
    elif format_ is Format.CSV:
        from nestlab.report.spreadsheet import comparison_csv

        outputs.write_out(comparison_csv(found), output)
    else:
        from nestlab.report.comparison_table import comparison_table

        outputs.write_table(lambda console: comparison_table(found, console), output)
