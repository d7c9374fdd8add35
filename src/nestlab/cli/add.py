"""`nestlab add`: make one more machine."""

from pathlib import Path
from typing import Annotated

import typer

from nestlab.cli.arguments import BootTimeout
from nestlab.cli.changing import find, run
from nestlab.cli.complete import machine_paths, network_names
from nestlab.home import Home

_EXAMPLES = """Examples:

  nestlab add l1 --name l3

  nestlab add seed:l0 --name l4 --memory 4GiB --vcpus 4

  nestlab add l1 --name l5 --network storage --network tenant
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        name="add",
        help="Make one more guest in a machine of a lab that is up; `l0` is the host.",
        epilog=_EXAMPLES,
    )(add)


def add(
    machine: Annotated[
        str,
        typer.Argument(autocompletion=machine_paths, help="Where: l1, LAB:l1, or l0 for the host."),
    ],
    name: Annotated[str, typer.Option(help="What it is called.")],
    memory: Annotated[str, typer.Option(help="Its memory.")] = "1GiB",
    disk: Annotated[str | None, typer.Option(help="Size of its root disk.")] = None,
    vcpus: Annotated[int, typer.Option(min=1, max=512, help="Its virtual CPUs.")] = 2,
    network: Annotated[
        list[str] | None,
        typer.Option(
            autocompletion=network_names,
            help="A network of the lab that it is on; may be given several times. Machines that"
            " need another card for that are started again.",
        ),
    ] = None,
    boot_timeout: BootTimeout = 300,
) -> None:
    """Make one more machine."""
    from nestlab.lab.change.control import add as make
    from nestlab.lab.wanted.from_file import guest_of
    from nestlab.spec.options import read_guest

    networks = list(dict.fromkeys(network or ()))
    options = {"name": name, "memory": memory, "disk": disk, "vcpus": vcpus, "networks": networks}
    spec = guest_of(read_guest(options), Path.cwd())
    found, path = find(machine)
    home = Home.from_environment()
    run(lambda terms, sink: make(found, path, spec, terms, home, sink), boot_timeout)
