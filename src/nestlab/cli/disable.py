"""`nestlab disable`: put back what `enable` changed."""

from typing import TYPE_CHECKING, Annotated

import typer

from nestlab.cli.complete import machine_paths
from nestlab.cli.switching import Wish, switch, tell_outcome

if TYPE_CHECKING:
    from nestlab.enable.elevation import Elevation
    from nestlab.enable.present import Present
    from nestlab.enable.steps import Plan
    from nestlab.facts.model import Facts

_EXAMPLES = """Examples:

  nestlab disable --dry-run    what would be put back

  nestlab disable              byte for byte what was there before `nestlab enable`

  nestlab disable --force      also when somebody has changed it since
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        name="disable",
        help="Put back what `nestlab enable` changed, byte for byte.",
        epilog=_EXAMPLES,
    )(disable)


def disable(
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
    force: Annotated[
        bool, typer.Option("--force", help="Also when somebody changed the file since.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print nestlab.switch/1.")] = False,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds for the machine's part.")] = 180,
) -> None:
    """Put back what was there."""

    def planning(facts: "Facts", present: "Present", elevate: "Elevation") -> "Plan":
        from nestlab.enable.undo import plan_disable

        return plan_disable(facts, present, elevate=elevate, at_boot=at_boot, force=force)

    done = switch(Wish(target, dry_run, yes, as_json, timeout), planning)
    tell_outcome(done)
    if done.outcome and done.outcome.held_by and not at_boot:
        raise typer.Exit(1)
