"""What `enable` and `disable` share: look, show the plan, ask, do it, prove it."""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import typer

from nestlab.deadline import Deadline
from nestlab.errors import HostError
from nestlab.harmless import plain
from nestlab.home import Home

if TYPE_CHECKING:
    from nestlab.check.verdict import Verdict
    from nestlab.enable.elevation import Elevation
    from nestlab.enable.present import Present
    from nestlab.enable.steps import Outcome, Plan
    from nestlab.events import Sink
    from nestlab.facts.model import Facts
    from nestlab.machine.protocol import Machine
    from nestlab.survey.target import Target

Planning = Callable[["Facts", "Present", "Elevation"], "Plan"]


@dataclass(frozen=True)
class Wish:
    """What the user asked for.

    target   the word of the command line
    seconds  for everything that is done on that machine
    """

    target: str | None
    dry_run: bool
    yes: bool
    as_json: bool
    seconds: float


@dataclass(frozen=True)
class Done:
    """What came of it; `outcome` and `verdict` are None when nothing was done."""

    target: str
    plan: "Plan"
    outcome: "Outcome | None" = None
    verdict: "Verdict | None" = None


def switch(wish: Wish, planning: Planning) -> Done:
    """Carry a wish out. Raises NestlabError."""
    from rich.console import Console

    from nestlab.cli.interrupt import run_interruptible
    from nestlab.cli.progress import ProgressView
    from nestlab.cli.targets import parse_target

    home = Home.from_environment()
    target = parse_target(wish.target, home)
    view = ProgressView(Console(stderr=True), live=False)
    done = run_interruptible(
        _switch(wish, planning, target, home, view),
        view.say,
        stopping="stopping after the present step",
    )
    if wish.as_json:
        typer.echo(json.dumps(_document(done), indent=1))
    return done


async def _switch(
    wish: Wish, planning: Planning, target: "Target", home: Home, sink: "Sink"
) -> Done:
    from nestlab.check.verdict import judge
    from nestlab.enable.apply import apply
    from nestlab.enable.as_root import RootMachine
    from nestlab.facts.gather import gather
    from nestlab.survey.ask import open_target

    deadline = Deadline.after(wish.seconds)
    async with open_target(target, home, deadline=deadline) as machine:
        facts = await gather(machine, deadline=deadline)
        plan = await _plan(machine, facts, planning, deadline)
        _show(plan, to_stdout=wish.dry_run and not wish.as_json)
        if wish.dry_run or not _agreed(plan, wish):
            return Done(str(target), plan)
        # the user may have thought about it for as long as they liked
        deadline = Deadline.after(wish.seconds)
        outcome = await apply(machine, plan, deadline=deadline, tell=sink)
        # whoever may not open /dev/kvm has let sudo prepare it, and sudo can prove it
        prover = RootMachine(machine, plan.elevate) if plan.elevate.prefix else machine
        facts = await gather(prover, deadline=deadline)
        return Done(str(target), plan, outcome, judge(facts))


async def _plan(
    machine: "Machine", facts: "Facts", planning: Planning, deadline: Deadline
) -> "Plan":
    """The plan; asks for sudo's password once, where sudo wants one and somebody can type it."""
    from nestlab.enable.elevation import Elevation
    from nestlab.enable.present import look

    uid = facts.user.uid if facts.user else None
    elevate = Elevation.of(uid)
    try:
        present = await look(machine, elevate, deadline=deadline, initramfs=facts.initramfs)
    except HostError as problem:
        if problem.code != "enable.needs-root" or uid == 0 or not sys.stdin.isatty():
            raise
        password = typer.prompt(f"[sudo] password on {machine.path}", hide_input=True, err=True)
        elevate = Elevation.of(uid, password)
        present = await look(machine, elevate, deadline=deadline, initramfs=facts.initramfs)
    return planning(facts, present, elevate)


def _show(plan: "Plan", *, to_stdout: bool) -> None:
    from nestlab.enable.describe import describe

    for line in describe(plan):
        typer.echo(line, err=not to_stdout)
    for warning in plan.warnings:
        typer.echo(plain(f"warning: {warning}"), err=True)


def _agreed(plan: "Plan", wish: Wish) -> bool:
    """Scripts have agreed by calling it; people at a terminal are asked."""
    if plan.nothing_to_do or wish.yes or not sys.stdin.isatty():
        return True
    return typer.confirm("Do this?", default=True, err=True)


def _document(done: Done) -> dict[str, object]:
    """`nestlab.switch/1`."""
    from nestlab.enable.describe import describe

    outcome = asdict(done.outcome) if done.outcome else None
    if outcome is not None:
        outcome["held_by"] = [holder.model_dump() for holder in done.outcome.held_by]  # type: ignore[union-attr]
    verdict = done.verdict
    return {
        "schema": "nestlab.switch/1",
        "target": done.target,
        "plan": list(describe(done.plan)),
        "nothing_to_do": done.plan.nothing_to_do,
        "warnings": list(done.plan.warnings),
        "outcome": outcome,
        "ready": verdict.ready if verdict else None,
        "proved": verdict.proved if verdict else None,
        "verdict": verdict.verdict if verdict else None,
    }


def tell_outcome(done: Done) -> None:
    """What was done and what was left, on stderr."""
    outcome = done.outcome
    if outcome is None:
        return
    for change in outcome.changed:
        typer.echo(plain(f"{done.target}: {change}"), err=True)
    for warning in outcome.warnings:
        if warning not in done.plan.warnings:
            typer.echo(plain(f"warning: {warning}"), err=True)
    if outcome.held_by:
        from nestlab.enable.plan import NEXT_BOOT

        typer.echo("the module was left alone, because these hold it:", err=True)
        for holder in outcome.held_by:
            guest = f", guest {holder.guest}" if holder.guest else ""
            typer.echo(plain(f"  {holder.name} (pid {holder.pid}{guest})"), err=True)
        typer.echo(NEXT_BOOT, err=True)
