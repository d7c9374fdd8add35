"""`nestlab stop`: switch machines off."""

from typing import Annotated

import typer

from nestlab.cli.changing import find, run
from nestlab.cli.complete import machine_paths

_EXAMPLES = """Examples:

  nestlab stop l1/l2

  nestlab stop seed        the whole lab
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        name="stop",
        help="Switch a machine and all in it off, deeper ones first; their disks stay."
        " `nestlab start` starts them again.",
        epilog=_EXAMPLES,
    )(stop)


def stop(
    machine: Annotated[
        str | None,
        typer.Argument(
            autocompletion=machine_paths,
            help="l1/l2, LAB:l1/l2, or a lab; the only lab if left out.",
        ),
    ] = None,
) -> None:
    """Switch machines off."""
    from nestlab.lab.control import stop as switch_off

    found, path = find(machine)
    run(lambda _terms, sink: switch_off(found, path, sink))
