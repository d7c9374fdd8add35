"""`nestlab start`: start machines from their disks."""

from typing import Annotated

import typer

from nestlab.cli.changing import find, run
from nestlab.cli.complete import machine_paths
from nestlab.home import Home

_EXAMPLES = """Examples:

  nestlab start            all of the only lab

  nestlab start l1/l2
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        name="start",
        help="Start a machine, its ancestors and all in it from their disks, as after a reboot of"
        " the host. What runs is left alone.",
        epilog=_EXAMPLES,
    )(start)


def start(
    machine: Annotated[
        str | None,
        typer.Argument(
            autocompletion=machine_paths,
            help="l1/l2, LAB:l1/l2, or a lab; the only lab if left out.",
        ),
    ] = None,
    boot_timeout: Annotated[
        float, typer.Option(min=1, help="Seconds that each guest has until its shell answers.")
    ] = 300,
) -> None:
    """Start machines from their disks."""
    from nestlab.lab.control import start as switch_on

    found, path = find(machine)
    home = Home.from_environment()
    run(lambda terms, sink: switch_on(found, path, terms, home, sink), boot_timeout)
