"""`nestlab console`: the serial console of a machine."""

import sys
from typing import Annotated

import typer

from nestlab.cli.complete import machine_paths
from nestlab.home import Home

_EXAMPLES = """Examples:

  nestlab console l1                 Ctrl-] leaves it

  nestlab logs l1                    what it printed before, without a terminal
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        name="console",
        help="Attach to the serial console of a lab's machine. Ctrl-] detaches; everything else,"
        " Ctrl-C too, goes to the machine.",
        epilog=_EXAMPLES,
    )(console)


def console(
    target: Annotated[
        str, typer.Argument(autocompletion=machine_paths, help="l1/l2 or LAB:l1/l2.")
    ],
) -> None:
    """Attach."""
    from nestlab.cli.interrupt import run_interruptible
    from nestlab.errors import MachineError, UsageError
    from nestlab.lab.enter.console import attach
    from nestlab.lab.record.naming import find_machine, parse_name

    found = find_machine(Home.from_environment(), parse_name(target))
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(
            "console.no-terminal",
            "a console needs a terminal on both its input and its output",
            hint=f"`nestlab logs {target}` shows what it printed",
        )
    typer.echo(f"the console of {found.guest.path}; Ctrl-] detaches", err=True)
    if not run_interruptible(attach(found), lambda _: None):
        raise MachineError(
            "console.closed",
            f"the console of {found.guest.path} closed",
            where=found.guest.path,
            hint=f"its QEMU may have ended: `nestlab logs {target}`",
        )
    typer.echo("\ndetached", err=True)
