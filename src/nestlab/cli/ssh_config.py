"""`nestlab ssh-config`: a lab's machines for the user's own OpenSSH."""

from typing import Annotated

import typer

from nestlab.cli.complete import lab_names
from nestlab.home import Home

_EXAMPLES = """Examples:

  nestlab ssh-config seed >> ~/.ssh/config    then: ssh l1.seed, scp file l1.l2.seed:

  nestlab ssh-config > seed.conf              then: ssh -F seed.conf l1.l2.seed
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        name="ssh-config",
        help="Print OpenSSH configuration for the machines of a lab that are up: `l1.LAB`,"
        " `l1.l2.LAB`, by the lab's name and by its id. Ports change when a machine is started"
        " again.",
        epilog=_EXAMPLES,
    )(ssh_config)


def ssh_config(
    lab: Annotated[
        str | None,
        typer.Argument(
            autocompletion=lab_names, help="Its id or name; may be left out for one lab."
        ),
    ] = None,
) -> None:
    """Print configuration."""
    from nestlab.lab.enter.ssh_config import hosts_config, write_hosts
    from nestlab.lab.record.known import find_lab

    folder, state = find_lab(Home.from_environment(), lab)
    write_hosts(state, folder)
    typer.echo(hosts_config(state, folder), nl=False)
