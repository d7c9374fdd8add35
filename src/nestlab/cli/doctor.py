"""`nestlab doctor`: are these machines ready to nest, why not, and what mends it."""

from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nestlab.cli.complete import machine_paths
from nestlab.home import Home

if TYPE_CHECKING:
    from nestlab.cli.doctor_view import View
    from nestlab.survey.ask import Question
    from nestlab.survey.target import Target

_STDIN = Path("/dev/stdin")
_EXAMPLES = """Examples:

  nestlab doctor                              this machine

  nestlab doctor root@a root@b -j 32          two hosts over SSH, with a summary

  nestlab doctor l1/l2                        a machine of the running lab

  nestlab doctor --collect facts.json         facts to send along, without names or keys

  nestlab doctor --facts facts.json           the verdict about them, anywhere

  nestlab doctor --root DIR                   an offline copy of /proc, /sys, /etc, /boot
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        name="doctor",
        help="Say whether guests of a machine can nest, what stands in the way, and what mends it."
        " Exit status 0: ready; 1: not ready.",
        epilog=_EXAMPLES,
    )(doctor)


def doctor(
    context: typer.Context,
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            autocompletion=machine_paths,
            help="user@host, user@host:port, l1/l2 or LAB:l1/l2; this machine if none.",
        ),
    ] = None,
    root: Annotated[
        list[Path] | None, typer.Option(help="An offline copy of /proc, /sys, /etc, /boot.")
    ] = None,
    facts: Annotated[
        list[Path] | None, typer.Option(help="A file that --collect wrote (- reads stdin).")
    ] = None,
    collect: Annotated[
        Path | None,
        typer.Option(help="Write the facts of one target here, anonymous (- writes stdout)."),
    ] = None,
    no_probe: Annotated[
        bool, typer.Option("--no-probe", help="Do not run a guest; only look.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print nestlab.doctor/1.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show every finding of every target.")
    ] = False,
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", min=1, max=256, help="Targets asked at once.")
    ] = 16,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds for each target.")] = 30,
) -> None:
    """Judge machines."""
    from threading import Thread

    from nestlab.cli.interrupt import run_interruptible
    from nestlab.survey.ask import Question
    from nestlab.survey.survey import survey

    # Loading what judges and shows takes longer than the probe: both at the same time.
    Thread(target=import_module, args=("nestlab.cli.doctor_view",), daemon=True).start()
    home = Home.from_environment()
    wanted = _wanted(targets or [], root or [], facts or [], home)
    question = Question(
        functional=not no_probe, anonymous=bool(collect), seconds=timeout, begun=context.obj
    )
    if collect:
        _collect(wanted, question, home, collect)
        return
    number = len(wanted)

    @cache
    def view() -> "View":
        from nestlab.cli.doctor_view import view_for

        return view_for(number, as_json=as_json, verbose=verbose)

    asked = survey(
        wanted, question, home, at_once=min(jobs, number), took=lambda each: view().take(each)
    )
    run_interruptible(asked, lambda text: typer.echo(text, err=True))
    view().close()
    raise typer.Exit(0 if view().all_ready else 1)


def _wanted(words: list[str], roots: list[Path], files: list[Path], home: Home) -> "list[Target]":
    from nestlab.cli.targets import parse_targets
    from nestlab.survey.target import FactsFile, Here, Tree

    found = parse_targets(words, home)
    found += [Tree(root) for root in roots]
    found += [FactsFile(_STDIN if str(file) == "-" else file) for file in files]
    return found or [Here()]


def _collect(wanted: "list[Target]", question: "Question", home: Home, file: Path) -> None:
    import asyncio

    from nestlab.errors import StoredDataError, UsageError
    from nestlab.harmless import plain_json
    from nestlab.survey.ask import ask

    if len(wanted) != 1:
        raise UsageError(
            "doctor.options",
            "--collect takes one target",
            hint="call it once for each, with a file of its own",
        )
    found = asyncio.run(ask(wanted[0], question, home))
    text = plain_json(found.model_dump_json(by_alias=True, indent=1)) + "\n"
    if str(file) == "-":
        typer.echo(text, nl=False)
        return
    try:
        file.write_text(text)
    except OSError as problem:
        raise StoredDataError(
            "facts.not-written",
            f"cannot write {file}: {problem.strerror}",
            hint="choose another place; - writes standard output",
        ) from problem
    typer.echo(f"written: {file}", err=True)
