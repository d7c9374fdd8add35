"""`nestlab report`: show a run again, from its result file alone."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nestlab.cli import output as outputs
from nestlab.cli.runs import HELP, find_run, open_run
from nestlab.errors import UsageError

if TYPE_CHECKING:
    from nestlab.result.models import Result

_EXAMPLES = """Examples:

  nestlab report RUN                                   the table on the terminal

  nestlab report RUN --format html --output run.html   one page with charts, to send or to keep

  nestlab report RUN --format csv                      a line for each figure, for a spreadsheet

  nestlab report --watch RUN                           follow a run that goes on
"""


class Format(StrEnum):
    """How a report is shown."""

    TABLE = "table"
    MARKDOWN = "markdown"
    CSV = "csv"
    JSON = "json"
    HTML = "html"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        name="report",
        help="Show a run: its folder, its result file or its id.",
        epilog=_EXAMPLES,
    )(report)


def report(
    run: Annotated[str, typer.Argument(help=HELP)],
    format_: Annotated[Format, typer.Option("--format", help="What to print.")] = Format.TABLE,
    output: Annotated[Path | None, typer.Option(help=outputs.HELP)] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Show the table as it fills, until the run is over.")
    ] = False,
) -> None:
    """Show a run."""
    if watch:
        _watch(run, format_, output)
    else:
        _show(open_run(run), format_, output)


def _watch(run: str, format_: Format, output: Path | None) -> None:
    if format_ is not Format.TABLE or output is not None:
        raise UsageError(
            "report.watch",
            "--watch shows the table on the terminal, nothing else",
            hint="leave out --format and --output; both work without --watch while the run goes on",
        )
    from nestlab.cli.watch import watch

    watch(find_run(run))


def _show(result: "Result", format_: Format, output: Path | None) -> None:
    from nestlab.harmless import plain_json
    from nestlab.report.rows import rows

    if format_ is Format.HTML:
        from nestlab.report.html.page import page

        outputs.write_out(page(result), output)
    elif format_ is Format.JSON:
        text = plain_json(rows(result).model_dump_json(by_alias=True, indent=1))
        outputs.write_out(text, output)
    elif format_ is Format.MARKDOWN:
        from nestlab.report.markdown import markdown

        outputs.write_out(markdown(rows(result)), output)
    elif format_ is Format.CSV:
        from nestlab.report.spreadsheet import report_csv

        outputs.write_out(report_csv(rows(result)), output)
    else:
        from nestlab.report.table import table

        found = rows(result)
        outputs.write_table(lambda console: table(found, console), output)
