"""`nestlab down`: take a lab down."""

from typing import Annotated

import typer

from nestlab.cli.complete import lab_names
from nestlab.home import Home


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="down", help="Take down a lab that was kept, or that a killed nestlab left.")(
        down
    )


def down(
    lab: Annotated[
        str | None,
        typer.Argument(
            autocompletion=lab_names, help="Its id (see `nestlab ls`); may be left out for one lab."
        ),
    ] = None,
) -> None:
    """Take a lab down."""
    from rich.console import Console

    from nestlab.cli.interrupt import run_interruptible
    from nestlab.cli.progress import ProgressView
    from nestlab.lab.change.down import down as take_down
    from nestlab.lab.record.known import find_lab

    folder, state = find_lab(Home.from_environment(), lab)
    with ProgressView(Console(stderr=True)) as view:
        run_interruptible(
            take_down(folder, state, sink=view),
            view.say,
            stopping=f"stopping; `nestlab down {state.id}` goes on with it",
        )
