"""`nestlab start`: start machines from their disks."""

import typer

from nestlab.cli.arguments import BootTimeout, MachineOrLab
from nestlab.cli.changing import find, run
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
    machine: MachineOrLab = None,
    boot_timeout: BootTimeout = 300,
) -> None:
    """Start machines from their disks."""
    from nestlab.lab.change.control import start as switch_on

    found, path = find(machine)
    home = Home.from_environment()
    run(lambda terms, sink: switch_on(found, path, terms, home, sink), boot_timeout)
