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
    from nestlab.lab.record.known import labs
    from nestlab.lab.record.state import lab_state

    found = labs(Home.from_environment())
    if as_json:
        rows = [
            {
                "lab": state.id,
                "name": state.name,
                "state": lab_state(state, folder),
                "machines": [guest.path for guest in state.guests],
                "folder": str(folder),
            }
            for folder, state in found
        ]
        typer.echo(json.dumps({"labs": rows}, indent=1))
        return
    for folder, state in found:
        paths = " ".join(guest.path for guest in state.guests)
        typer.echo(f"{state.id}  {state.name or '-'}  {lab_state(state, folder):9}  {paths}")
