"""`nestlab up`: bring a lab up from its file."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nestlab.cli.arguments import BootTimeout
from nestlab.cli.complete import snapshot_names
from nestlab.cli.demo import Accel
from nestlab.home import Home

if TYPE_CHECKING:
    from rich.console import Console

    from nestlab.hypervisor.accelerator import Wanted
    from nestlab.lab.record.running import Lab
    from nestlab.lab.wanted.forecast import Forecast
    from nestlab.lab.wanted.goal import Goal

_EXAMPLES = """Examples:

  nestlab up lab.yaml           build what is missing, boot, prove every machine, leave it running

  nestlab up --plan lab.yaml    only say what would be built, and whether it fits

  nestlab up --host root@bigbox   the whole lab on another machine

  nestlab up --from warm        resume a snapshot as a new lab

  nestlab status                look at it

  nestlab down                  take it down; nothing is left
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        name="up",
        help="Bring a lab up from its file: any depth, any width. It stays until `nestlab down`.",
        epilog=_EXAMPLES,
    )(up)


def up(
    file: Annotated[
        Path | None, typer.Argument(help="The lab file; lab.yaml if left out and no --from.")
    ] = None,
    from_snapshot: Annotated[
        str | None,
        typer.Option(
            "--from",
            autocompletion=snapshot_names,
            help="A new lab whose guests of L0 are resumed from this snapshot.",
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="What the lab is called, in place of the file's name.")
    ] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Only print the plan.")] = False,
    accel: Annotated[
        Accel,
        typer.Option(
            help="For guests of L0 with accel auto: KVM where they can nest, else TCG, said aloud."
        ),
    ] = Accel.AUTO,
    host: Annotated[
        str | None,
        typer.Option(help="user@host: the lab lives there; all commands work the same from here."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print nestlab.up/1.")] = False,
    boot_timeout: BootTimeout = 300,
) -> None:
    """Bring a lab up."""
    from rich.console import Console

    from nestlab.cli.interrupt import run_interruptible
    from nestlab.cli.progress import ProgressView
    from nestlab.errors import NestlabError
    from nestlab.lab.build.reconcile import Terms
    from nestlab.lab.change.up import up as bring_up
    from nestlab.lab.wanted.fit import fit
    from nestlab.lab.wanted.goal import goal_of

    goal = goal_of(Home.from_environment(), file, snapshot=from_snapshot, name=name, host=host)
    if plan:
        _show_plan(goal, accel.value, as_json=as_json)
    fit(goal.guests)
    if plan:
        return
    console = Console(stderr=True)
    folders: list[Path] = []
    terms = Terms(accel.value, boot_timeout, started=folders.append)
    with ProgressView(console) as view:
        try:
            work = bring_up(
                goal,
                terms,
                Home.from_environment(),
                view,
            )
            lab = run_interruptible(work, view.say)
        except NestlabError:
            for folder in folders:
                view.say(f"consoles and logs: {folder}")
            raise
    _tell(lab, console, as_json=as_json)


def _show_plan(goal: "Goal", wanted: "Wanted", *, as_json: bool) -> None:
    """The tree with what each machine gets, what its own guests take of it, and what happens."""
    from nestlab.cli.interrupt import run_interruptible
    from nestlab.lab.wanted.fit import rows_of
    from nestlab.lab.wanted.forecast import forecast_on_host
    from nestlab.lab.wanted.preview import preview
    from nestlab.units import format_size

    home = Home.from_environment()
    rows, steps = rows_of(goal.guests), preview(home, goal.name, goal.guests)
    runs = run_interruptible(forecast_on_host(goal, wanted, home), lambda _line: None)
    if as_json:
        machines = [
            {
                **row,
                "hypervisor": runs[row["path"]].hypervisor,
                "accelerator": runs[row["path"]].accelerator.name,
                "accelerator_why": runs[row["path"]].accelerator.why,
                "emulated": runs[row["path"]].emulated,
                "step": step.step.value if (step := steps.get(row["path"])) else "build",
                "why": step.why if step else "new",
            }
            for row in rows
        ]
        found = {"schema": "nestlab.plan/1", "lab": goal.name, "machines": machines}
        typer.echo(json.dumps(found, indent=1))
        return
    for row in rows:
        inside = f", of which its guests take {format_size(row['promised'])}"
        typer.echo(
            f"{'  ' * (row['level'] - 1)}{row['path']}: {row['vcpus']} vCPU,"
            f" {format_size(row['memory'])}{inside if row['promised'] else ''}"
            f"; {_said(runs[row['path']])}"
            f"{f'  [{step.step.value}: {step.why}]' if (step := steps.get(row['path'])) else ''}"
        )


def _said(runs: "Forecast") -> str:
    emulated = ", emulated" if runs.emulated else ""
    starter = " by libvirt" if runs.hypervisor == "libvirt" else ""
    return f"{runs.accelerator.name.upper()}{starter}{emulated} ({runs.accelerator.why})"


def _tell(lab: "Lab", console: "Console", *, as_json: bool) -> None:
    if as_json:
        machines = [guest.model_dump(mode="json") for guest in lab.state.guests]
        found = {"schema": "nestlab.up/1", "lab": lab.state.id, "name": lab.state.name}
        typer.echo(json.dumps({**found, "machines": machines}, indent=1))
        return
    name = lab.state.name
    for line in (
        f"lab {name} is up (id {lab.state.id}): {len(lab.state.guests)} machines",
        f"enter one: nestlab ssh {lab.state.guests[0].path}",
        f"take it down: nestlab down {name}",
    ):
        console.print(line, soft_wrap=True, highlight=False, markup=False)
