"""`nestlab remove`: take a machine away."""

from typing import Annotated

import typer

from nestlab.cli.changing import find, run
from nestlab.cli.complete import machine_paths

_EXAMPLES = """Examples:

  nestlab remove l1/l3
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        name="remove",
        help="Take a machine and all in it away, with their disks. For a lab: `nestlab down`.",
        epilog=_EXAMPLES,
    )(remove)


def remove(
    machine: Annotated[
        str, typer.Argument(autocompletion=machine_paths, help="l1/l2 or LAB:l1/l2.")
    ],
) -> None:
    """Take a machine away."""
    from nestlab.lab.change.control import remove as take_away

    found, path = find(machine)
    run(lambda _terms, sink: take_away(found, path, sink))
