"""`nestlab expose DOMAIN`: show the change, do it, restart, prove; or put it back."""

import json
import sys
from collections.abc import Callable, Coroutine, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import typer

from nestlab.cli.expose_report import Given, Report, runs_with_it, say
from nestlab.deadline import Deadline
from nestlab.home import Home

if TYPE_CHECKING:
    from nestlab.domain.change import Wish
    from nestlab.events import Sink
    from nestlab.expose.backup import Backups
    from nestlab.expose.plan import Plan
    from nestlab.expose.prove import Proof
    from nestlab.libvirt.virsh import Virsh

T = TypeVar("T")


@dataclass(frozen=True)
class Place:
    """Where the libvirt is: a target as `doctor` takes it, a URI, and seconds for everything."""

    on: str | None
    uri: str
    seconds: float


def run(place: Place, given: Given, wish: "Wish") -> int:
    """Do it; the exit status. Raises NestlabError."""
    from nestlab.expose.backup import Backups

    backups = Backups(Home.from_environment().exposed)
    if given.undo:
        return _with_virsh(place, lambda virsh, tell: _undo(virsh, place, given, backups, tell))
    return _with_virsh(place, lambda virsh, tell: _expose(virsh, place, given, wish, backups, tell))


def show_all(place: Place, wish: "Wish", *, as_json: bool) -> None:
    """The survey of a host. Raises NestlabError."""
    from nestlab.expose.describe import survey_document
    from nestlab.expose.survey import Row, survey

    async def work(virsh: "Virsh", _tell: "Sink") -> tuple[Row, ...]:
        return await survey(virsh, wish)

    rows = _with_virsh(place, work)
    if as_json:
        typer.echo(json.dumps(survey_document(rows), indent=1))
        return
    from nestlab.cli.expose_view import show_rows

    show_rows(rows)


def _with_virsh(place: Place, work: "Callable[[Virsh, Sink], Coroutine[None, None, T]]") -> T:
    from rich.console import Console

    from nestlab.cli.interrupt import run_interruptible
    from nestlab.cli.progress import ProgressView
    from nestlab.cli.targets import parse_target
    from nestlab.libvirt.virsh import Virsh
    from nestlab.survey.ask import open_target

    home = Home.from_environment()
    target = parse_target(place.on, home)
    view = ProgressView(Console(stderr=True), live=False)

    async def opened() -> T:
        deadline = Deadline.after(place.seconds)
        async with open_target(target, home, deadline=deadline) as machine:
            return await work(Virsh(machine, place.uri, deadline), view)

    return run_interruptible(opened(), view.say, stopping="stopping after the present step")


async def _expose(
    virsh: "Virsh", place: Place, given: Given, wish: "Wish", backups: "Backups", tell: "Sink"
) -> int:
    from nestlab.expose.apply import redefine
    from nestlab.expose.host import ask_host
    from nestlab.expose.look import look
    from nestlab.expose.plan import plan_expose

    found = await look(virsh, given.domain)
    host = await ask_host(virsh, (found.kind,) if found.kind else ())
    plan = plan_expose(found, host, wish, restart=given.restart)
    _show(plan.diff, plan.warnings, given)
    report = Report(plan)
    if given.dry_run or not _agreed(plan.nothing_to_do, given):
        return report.end(given)
    virsh = _anew(virsh, place)
    if not plan.nothing_to_do:
        done = await redefine(virsh, plan, backups, target=place.on or "", tell=tell)
        report.backup = str(done.backup)
    if given.restart and found.runs:
        report.restarted = await _restart(virsh, plan, given, backups, tell)
    if report.runs_with_it:
        report.proof = await _prove(virsh, plan, given)
    return report.end(given)


async def _restart(
    virsh: "Virsh", plan: "Plan", given: Given, backups: "Backups", tell: "Sink"
) -> bool:
    """Only where it runs with something else than it would get."""
    from nestlab.expose.look import look
    from nestlab.expose.restart import restart
    from nestlab.expose.undo import plan_undo, put_back

    if runs_with_it(plan):
        say(f"{plan.look.name}: runs with it already, so it is not restarted")
        return False

    async def back() -> None:
        if not plan.nothing_to_do:
            now = await look(virsh, plan.look.uuid)
            await put_back(virsh, plan_undo(now, backups), backups)

    await restart(virsh, plan.look, force_off=given.force_off, put_back=back, tell=tell)
    return True


async def _prove(virsh: "Virsh", plan: "Plan", given: Given) -> "Proof":
    from nestlab.cli.targets import parse_target
    from nestlab.expose.prove import prove
    from nestlab.survey.ask import open_target

    if given.guest is None:
        return await prove(virsh, plan.look)
    if given.guest == "console":
        return await prove(virsh, plan.look, "console")
    home = Home.from_environment()
    async with AsyncExitStack() as stack:
        target = parse_target(given.guest, home)
        inside = await stack.enter_async_context(open_target(target, home, deadline=virsh.deadline))
        return await prove(virsh, plan.look, inside)


async def _undo(
    virsh: "Virsh", place: Place, given: Given, backups: "Backups", tell: "Sink"
) -> int:
    from nestlab.expose.look import look
    from nestlab.expose.restart import restart
    from nestlab.expose.undo import plan_undo, put_back

    found = await look(virsh, given.domain)
    undo = plan_undo(found, backups, force=given.force)
    _show(undo.diff, (), given)
    same: bool | None = None
    if not given.dry_run and _agreed(undo.kept is None, given):
        virsh = _anew(virsh, place)
        same = await put_back(virsh, undo, backups, tell=tell)
        if given.restart and found.runs and undo.kept is not None:
            await restart(virsh, found, force_off=given.force_off, tell=tell)
    if given.as_json:
        document = {
            "schema": "nestlab.expose/1", "domain": found.name, "uuid": found.uuid,
            "state": found.state, "nothing_to_do": undo.kept is None, "diff": list(undo.diff),
            "undone": same is not None and undo.kept is not None, "identical": same,
        }  # fmt: skip
        typer.echo(json.dumps(document, indent=1))
    elif undo.kept is None:
        say(f"{found.name}: nothing to undo")
    elif same is not None:
        exact = "byte for byte" if same else "though libvirt writes it differently now"
        say(f"{found.name}: its definition is what it was, {exact}")
        if found.runs and not given.restart:
            say(f"{found.name}: takes effect at its next start")
    return 0


def _anew(virsh: "Virsh", place: Place) -> "Virsh":
    """The user may have thought about it for as long as they liked."""
    from dataclasses import replace

    return replace(virsh, deadline=Deadline.after(place.seconds))


def _show(lines: Iterable[str], warnings: Iterable[str], given: Given) -> None:
    for line in lines:
        typer.echo(line, err=not given.dry_run or given.as_json)
    for warning in warnings:
        say(f"warning: {warning}")


def _agreed(nothing: bool, given: Given) -> bool:
    """Scripts have agreed by calling it; people at a terminal are asked."""
    if nothing or given.yes or not sys.stdin.isatty():
        return True
    return typer.confirm("Do this?", default=True, err=True)
