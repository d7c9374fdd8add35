"""The program `nestlab`: its commands, and what becomes of errors."""

import signal
import sys
import traceback
from typing import Annotated

import typer

from nestlab import __version__
from nestlab.cli import (
    add,
    bench,
    compare,
    console,
    cp,
    demo,
    disable,
    doctor,
    down,
    enable,
    execute,
    expose,
    grow,
    image,
    inventory,
    logs,
    ls,
    reboot,
    remove,
    report,
    schema,
    snapshot,
    ssh,
    ssh_config,
    start,
    status,
    stop,
    up,
)
from nestlab.cli.ahead import begin
from nestlab.cli.failure import show_bug, show_error
from nestlab.errors import NestlabError

app = typer.Typer(
    help="Nested KVM you can trust: check it, build it, prove it, measure it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    epilog="Examples: nestlab doctor; nestlab demo --quick",
)
for command in (
    *(doctor, enable, disable, expose, demo),
    *(up, ls, status, execute, ssh, cp, logs, console, ssh_config, inventory),
    *(stop, start, reboot, grow, add, remove, snapshot, down),
    *(bench, report, compare, image, schema),
):
    command.register(app)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"nestlab {__version__}")
        raise typer.Exit


@app.callback()
def options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Nested KVM you can trust: check it, build it, prove it, measure it."""


def main() -> None:
    """Run the command line; every expected failure ends with its own status."""
    try:
        app(prog_name="nestlab", obj=begin(sys.argv[1:]))
    except NestlabError as problem:
        show_error(problem)
        sys.exit(problem.exit_status)
    except SystemExit as ended:
        # typer makes status 1 of a reader that went away, which would say "the answer is no"
        if isinstance(ended.__context__, BrokenPipeError):
            sys.exit(128 + signal.SIGPIPE)
        raise
    except Exception:  # noqa: BLE001  (the last line of defence: a bug of ours)
        show_bug(traceback.format_exc())
        sys.exit(70)
