"""Where a report goes: standard output, or a file that appears whole or not at all."""

import io
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from nestlab.errors import StoredDataError

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

HELP = "Write to this file, which appears whole or not at all, in place of standard output."
_WIDTH = 120
"""Columns of a table in a file."""


def write_out(text: str, output: Path | None) -> None:
    """Print the text, or put it into the file. Raises StoredDataError (`report.not-written`)."""
    if output is None:
        typer.echo(text, nl=not text.endswith("\n"))
        return
    try:
        _write(output, text if text.endswith("\n") else f"{text}\n")
    except (OSError, ValueError) as problem:
        why = problem.strerror if isinstance(problem, OSError) else str(problem)
        raise StoredDataError(
            "report.not-written",
            f"{output}: {why}",
            hint="give --output a file in a folder that exists and has room",
        ) from problem


def write_table(draw: "Callable[[Console], RenderableType]", output: Path | None) -> None:
    """Draw a table on the terminal, or in plain text into the file. Raises as `write_out` does."""
    from rich.console import Console

    if output is None:
        console = Console(file=sys.stdout)
        console.print(draw(console))
        return
    kept = io.StringIO()
    console = Console(file=kept, width=_WIDTH)
    console.print(draw(console))
    write_out(kept.getvalue(), output)


def _write(output: Path, text: str) -> None:
    """A pipe or a device is written to; a link stays one, and what it leads to is replaced."""
    from nestlab.machine.replacement import replacing

    data = text.encode("utf-8", "backslashreplace")
    if output.exists() and not output.is_file():
        output.write_bytes(data)
        return
    target = output.resolve()
    mode = target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask()
    with replacing(target) as temporary:
        temporary.write_bytes(data)
        temporary.chmod(mode)


def _umask() -> int:
    """The process's own, which can be read only by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
