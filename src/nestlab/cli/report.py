"""`nestlab report`: show a run again, from its result file alone."""

import sys
from enum import StrEnum
from typing import Annotated

import typer

from nestlab.cli.runs import HELP, open_run


class Format(StrEnum):
    """How a report is shown."""

    TABLE = "table"
    MARKDOWN = "markdown"
    JSON = "json"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="report", help="Show a run: its folder, its result file or its id.")(report)


def report(
    run: Annotated[str, typer.Argument(help=HELP)],
    format_: Annotated[Format, typer.Option("--format", help="What to print.")] = Format.TABLE,
) -> None:
    """Show a run."""
    from nestlab.harmless import plain_json
    from nestlab.report.rows import rows

    found = rows(open_run(run))
    if format_ is Format.JSON:
        typer.echo(plain_json(found.model_dump_json(by_alias=True, indent=1)))
    elif format_ is Format.MARKDOWN:
        from nestlab.report.markdown import markdown

        typer.echo(markdown(found))
    else:
        from rich.console import Console

        from nestlab.report.table import table

        console = Console(file=sys.stdout)
        console.print(table(found, console))
