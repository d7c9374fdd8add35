"""`nestlab image ls`, `rm` and `gc`: what is here, and what goes."""

import json
from enum import StrEnum
from typing import Annotated

import typer

from nestlab.home import Home

_DAY = 86400.0

_EXAMPLES = {
    "ls": """Examples:

  nestlab image ls --all                         also what can be built and pulled

  nestlab image ls --json
""",
    "rm": """Examples:

  nestlab image rm ubuntu-24.04
""",
    "gc": """Examples:

  nestlab image gc --dry-run                     only say what would go

  nestlab image gc --keep-days 30                also what nothing used for 30 days
""",
}


class Architecture(StrEnum):
    """As `uname -m` says it."""

    X86_64 = "x86_64"
    AARCH64 = "aarch64"


Json = Annotated[bool, typer.Option("--json", help="Print nestlab.images/1.")]


def register(group: typer.Typer) -> None:
    """Add the commands to the group."""
    for name, help_, command in (
        ("ls", "List images that are here.", ls),
        ("rm", "Remove an image that no lab uses.", rm),
        ("gc", "Remove superseded images and leftovers; never what a lab uses.", gc),
    ):
        group.command(name=name, help=help_, epilog=_EXAMPLES[name])(command)


def ls(
    every: Annotated[
        bool, typer.Option("--all", help="Also what can be built and pulled, with the command.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List images."""
    from nestlab.cli.failure import show_error
    from nestlab.image.inventory import available, rows_of
    from nestlab.image.store import ImageStore
    from nestlab.lab.record.images import in_use
    from nestlab.units import format_size

    home = Home.from_environment()
    store = ImageStore(home.images)
    rows = rows_of(store, in_use(home))
    offers = available() if every else []
    if as_json:
        found = {"schema": "nestlab.images/1", "images": rows}
        typer.echo(json.dumps(found | ({"available": offers} if every else {}), indent=1))
    else:
        for row in rows:
            used = f"  used by {row['lab']}" if row["lab"] else ""
            old = "" if row["current"] else "  superseded"
            typer.echo(
                f"{row['name']:20} {row['architecture']:8} {row['kind']:6}"
                f" {format_size(row['size']):>10}{used}{old}"
            )
        for offer in offers:
            typer.echo(f"{offer['name']:20} {offer['title']}: {offer['command']}")
    for problem in store.damaged():
        show_error(problem)


def rm(
    name: Annotated[str, typer.Argument(help="Its name: all its versions; or one folder's name.")],
    arch: Annotated[
        Architecture | None, typer.Option("--arch", help="Only for these machines.")
    ] = None,
) -> None:
    """Remove an image."""
    from nestlab.image.store import ImageStore
    from nestlab.image.sweep import named, remove
    from nestlab.lab.record.images import in_use

    home = Home.from_environment()
    for folder in named(ImageStore(home.images), name, arch.value if arch else None, in_use(home)):
        remove(folder)
        typer.echo(f"removed {folder.name}", err=True)


def gc(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be removed.")
    ] = False,
    keep_days: Annotated[
        float | None,
        typer.Option(min=0, help="Also remove images that nothing used for so many days."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Remove what nobody needs."""
    from nestlab.image.store import ImageStore
    from nestlab.image.sweep import find_waste, remove
    from nestlab.lab.record.images import in_use
    from nestlab.units import format_size

    home = Home.from_environment()
    keep = None if keep_days is None else keep_days * _DAY
    waste = find_waste(ImageStore(home.images), in_use(home), keep=keep)
    for each in waste:
        if not dry_run:
            remove(each.path)
        if not as_json:
            done = "would remove" if dry_run else "removed"
            typer.echo(f"{done} {each.path.name}: {each.why}, {format_size(each.size)}", err=True)
    if as_json:
        rows = [{"folder": str(each.path), "why": each.why, "size": each.size} for each in waste]
        found = {"schema": "nestlab.images/1", "removed": not dry_run, "waste": rows}
        typer.echo(json.dumps(found, indent=1))
