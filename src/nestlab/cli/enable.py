"""`nestlab enable`: switch nesting on, and prove it with a guest."""

from typing import TYPE_CHECKING, Annotated

import typer

from nestlab.cli.complete import machine_paths
from nestlab.cli.switching import Done, Wish, switch, tell_outcome
from nestlab.harmless import plain

if TYPE_CHECKING:
    from nestlab.enable.elevation import Elevation
    from nestlab.enable.present import Present
    from nestlab.enable.steps import Plan
    from nestlab.facts.model import Facts

_EXAMPLES = """Examples:

  nestlab enable --dry-run     every file change as a diff, every command

  nestlab enable               show the plan, do it, prove it with a guest

  nestlab enable root@host     the same over SSH

  nestlab enable --at-boot     never reload the module: the next boot has it on
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        name="enable",
        help="Switch nested virtualization on, for good. Exit status 0: a guest saw VMX or SVM"
        " (with --at-boot: everything is prepared); 1: not yet, and why.",
        epilog=_EXAMPLES,
    )(enable)


def enable(
    target: Annotated[
        str | None,
        typer.Argument(
            autocompletion=machine_paths, help="user@host, l1 or LAB:l1; this machine if left out."
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show the plan.")] = False,
    at_boot: Annotated[
        bool, typer.Option("--at-boot", help="Change files only; never reload the module.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print nestlab.switch/1.")] = False,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds for the machine's part.")] = 180,
) -> None:
    """Switch nesting on."""

    def planning(facts: "Facts", present: "Present", elevate: "Elevation") -> "Plan":
        from nestlab.enable.plan import plan_enable

        return plan_enable(facts, present, elevate=elevate, at_boot=at_boot)

    done = switch(Wish(target, dry_run, yes, as_json, timeout), planning)
    tell_outcome(done)
    if done.verdict is None:
        return
    _tell_proof(done)
    prepared = at_boot and (done.outcome is None or not done.outcome.held_by)
    raise typer.Exit(0 if done.verdict.ready or prepared else 1)


def _tell_proof(done: Done) -> None:
    verdict = done.verdict
    if verdict is None:
        return
    if verdict.ready and verdict.proved:
        typer.echo(f"{done.target}: proved: a guest ran and saw the extensions", err=True)
    elif not verdict.ready:
        typer.echo(plain(f"{done.target}: {verdict.verdict}"), err=True)
