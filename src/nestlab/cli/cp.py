"""`nestlab cp`: files and folders to and from a machine of a lab."""

from typing import TYPE_CHECKING, Annotated

import typer

from nestlab.cli.complete import places
from nestlab.home import Home

if TYPE_CHECKING:
    from nestlab.events import Sink
    from nestlab.lab.enter.copying import Copy
    from nestlab.lab.record.naming import Found

_EXAMPLES = """Examples:

  nestlab cp file l1/l2:/root/           into a folder there

  nestlab cp -r conf.d notes l1:         into root's home

  nestlab cp seed:l1:/var/log .          a folder from there

  nestlab cp ./odd:name l1:              ./ or / before a name of yours that has a colon
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        name="cp",
        help="Copy files and folders to or from a machine of a lab. Permission bits are kept and"
        " links are copied as links; every file is there whole or not at all.",
        epilog=_EXAMPLES,
    )(cp)


def cp(
    words: Annotated[
        list[str],
        typer.Argument(
            autocompletion=places,
            metavar="SRC… DST",
            help="FILE here, or l1/l2:FILE, or LAB:l1/l2:FILE.",
        ),
    ],
    _recursive: Annotated[
        bool, typer.Option("--recursive", "-r", help="Folders are copied in any case.")
    ] = False,
) -> None:
    """Copy."""
    from rich.console import Console

    from nestlab.cli.interrupt import run_interruptible
    from nestlab.cli.progress import ProgressView
    from nestlab.events import Event, Progress
    from nestlab.lab.enter.copying import plan_copy
    from nestlab.lab.record.known import words_of
    from nestlab.lab.record.naming import find_machine

    home = Home.from_environment()
    wanted = plan_copy(words, words_of(home))
    found = find_machine(home, wanted.machine)
    console = Console(stderr=True)
    with ProgressView(console) as view:

        def sink(event: Event) -> None:
            """Elsewhere than on a terminal every step would be a line of its own."""
            if console.is_terminal or not isinstance(event, Progress):
                view(event)

        run_interruptible(_copy(found, wanted, sink), view.say, stopping="stopping …")


async def _copy(found: "Found", wanted: "Copy", sink: "Sink") -> None:
    from nestlab.lab.access.inside import files_of, inside
    from nestlab.lab.enter.copying import Tally
    from nestlab.lab.enter.download import Download
    from nestlab.lab.enter.upload import Upload

    tally = Tally(found.guest.path, sink)
    async with inside(found) as machine, files_of(machine) as sftp:
        way = Upload if wanted.inward else Download
        await way(sftp, machine.path, tally).copy(wanted)
    tally.close()
