"""`nestlab ssh`: a login shell on a machine of a lab."""

from typing import Annotated

import typer

from nestlab.cli.complete import machine_paths
from nestlab.home import Home

_EXAMPLES = """Examples:

  nestlab ssh l1/l2                  a shell, through l1; leave it with `exit` or ~.

  nestlab ssh l1 dmesg -T            one command; `nestlab exec` passes signals on, too
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        name="ssh",
        help="Enter a machine of a lab with OpenSSH's client, at any level.",
        epilog=_EXAMPLES,
        context_settings={"allow_interspersed_args": False},
    )(ssh)


def ssh(
    target: Annotated[
        str, typer.Argument(autocompletion=machine_paths, help="l1/l2 or LAB:l1/l2.")
    ],
    argv: Annotated[
        list[str] | None, typer.Argument(help="A program and its arguments; a shell if none.")
    ] = None,
) -> None:
    """Enter a machine."""
    from nestlab.lab.enter.client import become, shell_argv
    from nestlab.lab.record.naming import find_machine, parse_name

    words = argv or []
    found = find_machine(Home.from_environment(), parse_name(target))
    become(shell_argv(found, words[1:] if words[:1] == ["--"] else words))
