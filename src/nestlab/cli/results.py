"""What a command that measures shows in the end."""

import sys
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from nestlab.result.models import Result


def show_result(result: "Result", *, as_json: bool) -> None:
    """On stdout: the result file, made harmless for a terminal, or the table."""
    from rich.console import Console

    from nestlab.harmless import plain_json
    from nestlab.report.rows import rows
    from nestlab.report.table import table

    if as_json:
        typer.echo(plain_json(result.model_dump_json(by_alias=True, indent=1)))
    else:
        out = Console(file=sys.stdout)
        out.print(table(rows(result), out))


def say(console: "Console", line: str) -> None:
    """As it is: a path may be long, or look like Rich's markup."""
    console.print(line, soft_wrap=True, highlight=False, markup=False)
