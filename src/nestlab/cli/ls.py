"""`nestlab ls`: labs that are up, and what a killed nestlab left."""

import json
from typing import Annotated

import typer

from nestlab.home import Home


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="ls", help="List labs. `left over`: their nestlab was killed.")(ls)


def ls(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")] = False,
) -> None:
    """List labs."""
    from nestlab.lab.down import labs
    from nestlab.lab.state import lab_state

    rows = [
        {
            "lab": state.id,
            "state": lab_state(state),
            "machines": [guest.path for guest in state.guests],
            "folder": str(folder),
        }
        for folder, state in labs(Home.from_environment())
    ]
    if as_json:
        typer.echo(json.dumps({"labs": rows}, indent=1))
    else:
        for row in rows:
            typer.echo(f"{row['lab']}  {row['state']:9}  {' '.join(row['machines'])}")
