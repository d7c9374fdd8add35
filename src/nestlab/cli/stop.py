"""`nestlab stop`: switch machines off."""

import typer

from nestlab.cli.arguments import MachineOrLab
from nestlab.cli.changing import find, run

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
    machine: MachineOrLab = None,
) -> None:
    """Switch machines off."""
    from nestlab.lab.change.control import stop as switch_off

    found, path = find(machine)
    run(lambda _terms, sink: switch_off(found, path, sink))
