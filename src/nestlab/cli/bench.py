"""`nestlab bench`: measure every level of a lab."""

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nestlab.cli.complete import lab_names
from nestlab.cli.results import say, show_result
from nestlab.home import Home

if TYPE_CHECKING:
    from rich.console import Console

    from nestlab.lab.measure.bench_job import Job
    from nestlab.result.store import RunFolder

_EXAMPLES = """Examples:

  nestlab bench                       the only running lab, with what its file asks for

  nestlab bench seed --quick          two short rounds: a look, not a figure to quote

  nestlab bench lab.yaml              bring it up first; what was not up before is taken down after

  nestlab bench seed --workload fio:rw=randread --workload exits --until 2%

  nestlab bench seed --machine l1 --machine l1/l2

  nestlab bench --resume RUN          go on after a crash, a dead guest or a reboot

  nestlab bench seed --plan           only say what would be run, and how long it takes
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        name="bench",
        help="Measure every level of a lab: rounds that interleave the levels, figures with"
        " intervals. Each sample is saved at once.",
        epilog=_EXAMPLES,
    )(bench)


def bench(
    lab: Annotated[
        str | None,
        typer.Argument(
            autocompletion=lab_names,
            help="A running lab's name or id, or a lab file; lab.yaml or the only lab if left out.",
        ),
    ] = None,
    workload: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[:KEY=VALUE,…]",
            help="Measure this one, with options as in a lab file; may be given several times.",
        ),
    ] = None,
    machine: Annotated[
        list[str] | None,
        typer.Option(metavar="PATH", help="Measure only this one; may be given several times."),
    ] = None,
    rounds: Annotated[
        int | None, typer.Option(min=1, max=1000, help="Rounds that count; 5, or the lab file's.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Two rounds, short workloads.")] = False,
    until: Annotated[
        str | None,
        typer.Option(metavar="PERCENT", help="Go on until each loss is known within this."),
    ] = None,
    most: Annotated[
        int, typer.Option("--max-rounds", min=1, max=1000, help="With --until: the limit.")
    ] = 50,
    warm_up: Annotated[
        bool, typer.Option("--warm-up/--no-warm-up", help="A round before, that does not count.")
    ] = True,
    archive: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A tar of UnixBench 5.1.3, instead of a download."),
    ] = None,
    resume: Annotated[
        str | None, typer.Option(metavar="RUN", help="Go on with this run, as it was asked.")
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave a lab running that was brought up for this.")
    ] = False,
    plan: Annotated[bool, typer.Option("--plan", help="Only print what would be run.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result file.")] = False,
) -> None:
    """Measure a lab."""
    from nestlab.lab.measure.bench_job import Asked, goes_on, ordered

    home = Home.from_environment()
    if resume is not None:
        job = goes_on(home, resume)
    else:
        asked = Asked(
            workloads=tuple(workload or ()),
            paths=tuple(machine or ()),
            rounds=rounds,
            quick=quick,
            until=None if until is None else fraction(until),
            most=most,
            warm_up=warm_up,
            archive=archive.absolute() if archive else None,
        )
        job = ordered(home, lab, asked)
    if plan:
        _show_plan(job, home, as_json=as_json)
    else:
        _measure(job, home, keep=keep, as_json=as_json)


def fraction(text: str) -> float:
    """The fraction of `2%`; a number alone is percent too. Raises UsageError `bench.until`."""
    from nestlab.errors import UsageError

    match = re.fullmatch(r"(\d{1,2}(?:\.\d{1,6})?)\s*%?", text.strip(), re.ASCII)
    if not match or float(match[1]) <= 0:
        raise UsageError(
            "bench.until",
            f"{text!r} is not a width of an interval",
            hint="give a percentage above 0 and below 100, such as 2%",
        )
    return float(match[1]) / 100


def _measure(job: "Job", home: Home, *, keep: bool, as_json: bool) -> None:
    """With progress; what was measured is shown also when a machine was lost on the way."""
    from rich.console import Console

    from nestlab.cli.interrupt import run_interruptible
    from nestlab.cli.progress import ProgressView
    from nestlab.errors import NestlabError
    from nestlab.lab.measure.bench_job import run_job
    from nestlab.result.store import RunFolder

    argv = tuple(ascii(argument)[1:-1] for argument in sys.argv)
    folders: list[RunFolder] = []
    console = Console(stderr=True)
    try:
        with ProgressView(console) as view:
            work = run_job(job, home, view, argv=argv, keep=keep, started=folders.append)
            run_interruptible(work, view.say, stopping="stopping; what was measured is saved …")
    except (NestlabError, SystemExit):
        for folder in folders:
            _show_rest(folder, console)
        raise
    for folder in folders:
        show_result(folder.load(), as_json=as_json)
        say(console, f"saved: {folder.path}")


def _show_rest(folder: "RunFolder", console: "Console") -> None:
    """What there is of a run that broke off."""
    if not folder.result_file.exists():
        return
    say(console, f"what was measured: nestlab report {folder.id}")
    say(console, f"go on with it: nestlab bench --resume {folder.id}")


def _show_plan(job: "Job", home: Home, *, as_json: bool) -> None:
    import asyncio
    import json

    from nestlab.lab.measure.bench_plan import bench_plan
    from nestlab.units import format_duration

    found = asyncio.run(bench_plan(job, home))
    if as_json:
        typer.echo(json.dumps({"schema": "nestlab.bench-plan/1", **found}, indent=1))
        return
    typer.echo(f"machines: {', '.join(found['machines'])}")
    for each in found["cases"]:
        params = " ".join(f"{name}={value}" for name, value in each["params"].items())
        seconds = format_duration(each["seconds"])
        typer.echo(f"  {each['workload']} {each['case']}: at most {seconds}  {params}")
    typer.echo(
        f"{found['rounds']} rounds{' after a warm-up' if found['warm_up'] else ''}:"
        f" {found['turns']} runs, at most {format_duration(found['seconds'])} of work"
    )
