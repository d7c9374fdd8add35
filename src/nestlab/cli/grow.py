"""`nestlab grow`: give a machine more."""

from typing import Annotated

import typer

from nestlab.cli.arguments import BootTimeout
from nestlab.cli.changing import find, run
from nestlab.cli.complete import machine_paths
from nestlab.home import Home

_EXAMPLES = """Examples:

  nestlab grow l1 --disk 32GiB

  nestlab grow l1/l2 --memory 2GiB --vcpus 4
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        name="grow",
        help="Give a machine a larger disk, more memory or more vCPUs. A disk on virtio grows while"
        " the machine runs; for all else it is shut down and started again, and so is what runs"
        " in it.",
        epilog=_EXAMPLES,
    )(grow)


def grow(
    machine: Annotated[
        str, typer.Argument(autocompletion=machine_paths, help="l1/l2 or LAB:l1/l2.")
    ],
    disk: Annotated[
        str | None, typer.Option(help="Size of its root disk: 32GiB. It cannot shrink.")
    ] = None,
    memory: Annotated[str | None, typer.Option(help="Its memory: 4GiB.")] = None,
    vcpus: Annotated[int | None, typer.Option(min=1, max=512, help="Its virtual CPUs.")] = None,
    boot_timeout: BootTimeout = 300,
) -> None:
    """Give a machine more."""
    from nestlab.errors import UsageError
    from nestlab.lab.change.control import resize
    from nestlab.spec.options import read_guest

    wishes = {"disk": disk, "memory": memory, "vcpus": vcpus}
    wanted = read_guest({"name": "grown", **wishes})
    change = {key: getattr(wanted, key) for key, value in wishes.items() if value is not None}
    if not change:
        raise UsageError(
            "grow.nothing", "nothing to grow was given", hint="give --disk, --memory or --vcpus"
        )
    found, path = find(machine)
    home = Home.from_environment()
    run(lambda terms, sink: resize(found, path, change, terms, home, sink), boot_timeout)
