"""`nestlab reboot`: stop machines and start them."""

from typing import Annotated

import typer

from nestlab.cli.arguments import BootTimeout
from nestlab.cli.changing import find, run
from nestlab.cli.complete import machine_paths
from nestlab.home import Home

_EXAMPLES = """Examples:

  nestlab reboot l1/l2
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        name="reboot",
        help="Stop a machine and start it again, with what ran in it.",
        epilog=_EXAMPLES,
    )(reboot)


def reboot(
    machine: Annotated[
        str, typer.Argument(autocompletion=machine_paths, help="l1/l2, LAB:l1/l2, or a lab.")
    ],
    boot_timeout: BootTimeout = 300,
) -> None:
    """Stop machines and start them."""
    from nestlab.lab.change.control import reboot as start_anew

    found, path = find(machine)
    home = Home.from_environment()
    run(lambda terms, sink: start_anew(found, path, terms, home, sink), boot_timeout)
