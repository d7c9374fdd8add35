"""`nestlab status`: how the machines of labs are."""

from typing import TYPE_CHECKING, Annotated

import typer

from nestlab.cli.complete import lab_names
from nestlab.harmless import plain
from nestlab.home import Home

if TYPE_CHECKING:
    from pathlib import Path

    from rich.text import Text

    from nestlab.lab.access.status import LabStatus, MachineStatus
    from nestlab.lab.record.state import LabState

_EXAMPLES = """Examples:

  nestlab status                     all labs

  nestlab status seed --json         one, for a program
"""
_STYLES = {
    "running": "green",
    "starting": "yellow",
    "stopped": "dim",
    "unreachable": "red",
    "gone": "red",
}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        name="status",
        help="Show the machines of labs: running, starting, stopped, unreachable (no answer) or"
        " gone (no QEMU), with what they were given, the disk that they use and their uptime.",
        epilog=_EXAMPLES,
    )(status)


def status(
    lab: Annotated[
        str | None,
        typer.Argument(autocompletion=lab_names, help="Its id or name; all labs if left out."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print nestlab.status/1.")] = False,
    timeout: Annotated[
        float, typer.Option(min=0.1, max=600, help="Seconds that each machine has to answer.")
    ] = 5,
) -> None:
    """Show labs."""
    import json
    from dataclasses import asdict

    from nestlab.cli.interrupt import run_interruptible
    from nestlab.lab.record.known import find_lab, labs

    home = Home.from_environment()
    wanted = [find_lab(home, lab)] if lab else labs(home)
    found = run_interruptible(
        _survey(wanted, timeout), lambda _: typer.echo("stopping …", err=True)
    )
    if as_json:
        rows = [asdict(each) for each in found]
        typer.echo(json.dumps({"schema": "nestlab.status/1", "labs": rows}, indent=1))
    elif found:
        _draw(found)
    else:
        typer.echo("no lab is up", err=True)


async def _survey(wanted: "list[tuple[Path, LabState]]", timeout: float) -> "list[LabStatus]":
    import asyncio

    from nestlab.lab.access.status import survey_lab

    asked = (survey_lab(folder, state, patience=timeout) for folder, state in wanted)
    return list(await asyncio.gather(*asked))


def _draw(found: "list[LabStatus]") -> None:
    import sys

    from rich.console import Console
    from rich.text import Text
    from rich.tree import Tree

    # a pipe has no width, and a line that is broken in two is no line
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 500)
    for lab in found:
        title = plain(f"{lab.name} ({lab.id})" if lab.name else lab.id)
        where = plain(f"  on {lab.host}") if lab.host else ""
        tree = Tree(Text.assemble((title, "bold"), f"  {lab.state}{where}"))
        branches = {"l0": tree}
        for each in sorted(lab.machines, key=lambda machine: machine.level):
            branches[each.path] = branches.get(each.parent, tree).add(_line(each))
        console.print(tree, soft_wrap=not sys.stdout.isatty())


def _line(machine: "MachineStatus") -> "Text":
    from rich.text import Text

    from nestlab.units import format_duration, format_size

    name = machine.path.rpartition("/")[2]
    accelerator = machine.accelerator or ""
    if machine.hypervisor == "libvirt":
        accelerator = f"{accelerator} by libvirt".strip()
    if machine.emulated:
        accelerator = f"{accelerator} (emulated)".strip()
    facts = (
        accelerator,
        machine.address,
        f"{machine.vcpus} vCPU" if machine.vcpus else None,
        format_size(machine.memory) if machine.memory else None,
        None if machine.disk_used is None else f"disk {format_size(machine.disk_used)}",
        None if machine.uptime is None else f"up {format_duration(machine.uptime)}",
        plain(machine.reason) if machine.reason else None,
    )
    words = [fact for fact in facts if fact]
    style = _STYLES[machine.state]
    return Text.assemble((name, "bold"), "  ", (machine.state, style), "  ", "  ".join(words))
