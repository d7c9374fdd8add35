"""`nestlab logs`: what the serial console of a machine printed."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from nestlab.cli.complete import machine_paths
from nestlab.home import Home

if TYPE_CHECKING:
    from nestlab.lab.record.naming import Found

_EXAMPLES = """Examples:

  nestlab logs l1/l2

  nestlab logs -f l1                 go on with what comes; Ctrl-C ends it

  nestlab logs l1 --qemu             what QEMU complained about
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        name="logs",
        help="Show what the serial console of a lab's machine printed, also of one that is gone.",
        epilog=_EXAMPLES,
    )(logs)


def logs(
    target: Annotated[
        str, typer.Argument(autocompletion=machine_paths, help="l1/l2 or LAB:l1/l2.")
    ],
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes.")] = False,
    qemu: Annotated[bool, typer.Option("--qemu", help="The log of its QEMU instead.")] = False,
    raw: Annotated[
        bool, typer.Option("--raw", help="Every byte as it is, terminal sequences too.")
    ] = False,
) -> None:
    """Show a log."""
    from nestlab.cli.interrupt import run_interruptible
    from nestlab.lab.enter.logs import CONSOLE, QEMU
    from nestlab.lab.record.naming import find_machine, parse_name

    found = find_machine(Home.from_environment(), parse_name(target))
    shown = _show(found, QEMU if qemu else CONSOLE, follow=follow, raw=raw)
    run_interruptible(shown, lambda _: None)


async def _show(found: "Found", name: str, *, follow: bool, raw: bool) -> None:
    from contextlib import aclosing

    from nestlab.lab.enter.logs import Harmless, read_log

    harmless = Harmless()
    async with aclosing(read_log(found, name, follow=follow)) as chunks:
        async for data in chunks:
            _print(data if raw else _text(harmless.take(data) if data else harmless.rest()))
    _print(b"" if raw else _text(harmless.rest()))


def _text(shown: str) -> bytes:
    return shown.encode("utf-8", "backslashreplace")


def _print(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
