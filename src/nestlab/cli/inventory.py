"""`nestlab inventory`: a lab's machines for Ansible."""

import json
from typing import Annotated

import typer

from nestlab.cli.complete import lab_names
from nestlab.home import Home

_EXAMPLES = """Examples:

  nestlab inventory seed > seed.json     then: ansible -i seed.json all -m ping

  nestlab inventory seed --list          for an inventory script
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        name="inventory",
        help="Print an Ansible inventory of the machines of a lab that are up. Groups: `level1`,"
        " `level2` and so on, and `hypervisors`, which have guests.",
        epilog=_EXAMPLES,
    )(inventory)


def inventory(
    lab: Annotated[
        str | None,
        typer.Argument(
            autocompletion=lab_names, help="Its id or name; may be left out for one lab."
        ),
    ] = None,
    as_list: Annotated[
        bool, typer.Option("--list", help="As an inventory script answers --list.")
    ] = False,
    host: Annotated[
        str | None, typer.Option(help="As an inventory script answers --host HOST.")
    ] = None,
) -> None:
    """Print an inventory."""
    from nestlab.lab.enter.inventory import dynamic_inventory, host_vars, static_inventory
    from nestlab.lab.enter.ssh_config import write_hosts
    from nestlab.lab.record.known import find_lab

    folder, state = find_lab(Home.from_environment(), lab)
    hosts = host_vars(state, write_hosts(state, folder))
    if host is not None:
        typer.echo(json.dumps(hosts.get(host, {}), indent=1))
    else:
        typer.echo(
            json.dumps((dynamic_inventory if as_list else static_inventory)(hosts), indent=1)
        )
