"""`nestlab exec`: a command on a machine of a lab."""

from typing import TYPE_CHECKING, Annotated

import typer

from nestlab.cli.complete import machine_paths
from nestlab.home import Home

if TYPE_CHECKING:
    from nestlab.lab.record.naming import Found

_EXAMPLES = """Examples:

  nestlab exec l1/l2 -- uname -r

  nestlab exec seed:l1 -- sh -c 'ls | wc -l'     a shell, where one is wanted

  nestlab exec l1 -- tar c /etc > etc.tar        streams, of any length

  nestlab exec -t l1 -- top                      on a terminal
"""
_CANNOT_START = {"machine.no-such-program": 127, "machine.cannot-execute": 126}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        name="exec",
        help="Run a command on a machine of a lab. Its input, its outputs and its exit status are"
        " the command's own; 128 + n when a signal n ended it, 127 when it is not there.",
        epilog=_EXAMPLES,
        context_settings={"allow_interspersed_args": False},
    )(execute)


def execute(
    target: Annotated[
        str, typer.Argument(autocompletion=machine_paths, help="l1/l2 or LAB:l1/l2.")
    ],
    argv: Annotated[list[str], typer.Argument(help="The program and its arguments, after --.")],
    terminal: Annotated[
        bool, typer.Option("--tty", "-t", help="Give the command a terminal.")
    ] = False,
) -> None:
    """Run a command."""
    from nestlab.cli.failure import show_error
    from nestlab.cli.interrupt import run_interruptible
    from nestlab.errors import MachineError
    from nestlab.lab.enter.client import become, terminal_argv
    from nestlab.lab.record.naming import find_machine, parse_name

    words = argv[1:] if argv[0] == "--" else argv
    found = find_machine(Home.from_environment(), parse_name(target))
    if terminal:
        become(terminal_argv(found, words))
    _fill_gaps()
    try:
        status = run_interruptible(
            _converse(found, words), lambda text: typer.echo(text, err=True), stopping="stopping …"
        )
    except MachineError as problem:
        if problem.code not in _CANNOT_START:
            raise
        show_error(problem)
        status = _CANNOT_START[problem.code]
    raise typer.Exit(status)


async def _converse(found: "Found", argv: list[str]) -> int:
    from nestlab.lab.access.inside import inside
    from nestlab.lab.enter.session import converse

    async with inside(found) as machine:
        return await converse(machine, argv)


def _fill_gaps() -> None:
    """Where 0, 1 or 2 is closed, /dev/null: the next file that is opened would take its place."""
    import os

    while (descriptor := os.open(os.devnull, os.O_RDWR)) < 3:
        pass
    os.close(descriptor)
