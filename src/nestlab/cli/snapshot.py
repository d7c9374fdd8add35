"""`nestlab snapshot`: save what runs, to have it again in seconds."""

import json
from typing import Annotated

import typer

from nestlab.cli.changing import find, run
from nestlab.cli.complete import lab_names, snapshot_names
from nestlab.home import Home

_EXAMPLES = """Examples:

  nestlab snapshot warm                 of the only lab

  nestlab snapshot warm seed --stop     what runs inside is switched off first

  nestlab up --from warm                a new lab of it; `nestlab up lab.yaml --from warm` as well

  nestlab snapshot                      list them

  nestlab snapshot warm --remove
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        name="snapshot",
        help="Save the guests of L0 with their memory while they run; `nestlab up --from NAME`"
        " resumes them as a new lab. They need `storage: virtio` in the lab file.",
        epilog=_EXAMPLES,
    )(snapshot)


def snapshot(
    name: Annotated[
        str | None,
        typer.Argument(autocompletion=snapshot_names, help="Its name; all are listed if none."),
    ] = None,
    lab: Annotated[
        str | None,
        typer.Argument(autocompletion=lab_names, help="Which lab; may be left out for one."),
    ] = None,
    stop: Annotated[
        bool, typer.Option("--stop", help="Switch off what runs inside them first.")
    ] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Remove the snapshot.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print nestlab.snapshots/1.")] = False,
) -> None:
    """Save a lab's guests."""
    if name is None:
        _list(as_json=as_json)
    elif remove:
        _remove(name)
    else:
        _take(name, lab, stop=stop)


def _list(*, as_json: bool) -> None:
    from nestlab.lab.warm.saved import snapshots

    found = list(snapshots(Home.from_environment()))
    if as_json:
        rows = [each.model_dump(mode="json", by_alias=True) for each in found]
        typer.echo(json.dumps({"schema": "nestlab.snapshots/1", "snapshots": rows}, indent=1))
        return
    for each in found:
        paths = " ".join(guest.path for guest in each.guests)
        where = f"  on {each.host}" if each.host else ""
        typer.echo(f"{each.name}  of {each.lab}  {each.created:%Y-%m-%d %H:%M}  {paths}{where}")


def _remove(name: str) -> None:
    from nestlab.lab.warm.snapshot import remove

    home = Home.from_environment()
    run(lambda _terms, _sink: remove(home, name))


def _take(name: str, lab: str | None, *, stop: bool) -> None:
    from nestlab.lab.warm.snapshot import take

    found, _ = find(f"{lab}:" if lab else None)
    home = Home.from_environment()
    run(lambda _terms, sink: take(found, name, stop=stop, home=home, sink=sink))
