"""`nestlab demo`: the whole chain with defaults, ends with the table."""

import shlex
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nestlab.cli.results import say, show_result
from nestlab.home import Home

if TYPE_CHECKING:
    from rich.console import Console

    from nestlab.lab.change.demo import Outcome
    from nestlab.workload.builtin import Size
    from nestlab.workload.protocol import Workload


class Accel(StrEnum):
    """What runs the guests of L0."""

    AUTO = "auto"
    KVM = "kvm"
    TCG = "tcg"


_EXAMPLES = """Examples:

  nestlab demo --quick            a look, in some minutes

  nestlab demo --depth 3          one level more

  nestlab demo --workload exits   what leaving a guest costs

  nestlab demo --workload fio:rw=randread,bs=64KiB

  nestlab demo --keep             leave the lab running and say how to enter it

  nestlab demo --json > run.json  the result file on stdout
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        name="demo",
        help="Build the image, boot L1 and in it L2, verify every level, measure, print the table.",
        epilog=_EXAMPLES,
    )(demo)


def demo(
    depth: Annotated[int, typer.Option(help="Number of guest levels, 1 to 4.")] = 2,
    quick: Annotated[bool, typer.Option("--quick", help="Small and short workloads.")] = False,
    full: Annotated[
        bool, typer.Option("--full", help="1 GiB and up to 1000 s for each fio job.")
    ] = False,
    workload: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[:KEY=VALUE,…]",
            help="Measure this one, with options as in a lab file; may be given several times.",
        ),
    ] = None,
    archive: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A tar of UnixBench 5.1.3, instead of a download."),
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the lab running.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result file.")] = False,
    accel: Annotated[
        Accel, typer.Option(help="auto: KVM where guests of it can nest, else TCG, said aloud.")
    ] = Accel.AUTO,
    rounds: Annotated[int, typer.Option(min=1, help="How often everything is measured.")] = 1,
    boot_timeout: Annotated[
        float, typer.Option(min=1, help="Seconds that each guest has until its shell answers.")
    ] = 300,
) -> None:
    """Run the whole chain."""
    from rich.console import Console

    from nestlab.cli.interrupt import run_interruptible
    from nestlab.cli.progress import ProgressView
    from nestlab.errors import NestlabError
    from nestlab.lab.change.demo import Demo, run_demo

    home = Home.from_environment()
    wanted = Demo(
        depth=depth,
        wanted=accel.value,
        boot_timeout=boot_timeout,
        rounds=rounds,
        workloads=_workloads(_size(quick=quick, full=full), workload or (), archive, home),
        keep=keep,
        argv=tuple(ascii(argument)[1:-1] for argument in sys.argv),
    )
    console = Console(stderr=True)
    folder: list[Path] = []
    with ProgressView(console) as view:
        try:
            outcome = run_interruptible(
                run_demo(wanted, home, view, started=folder.append), view.say
            )
        except NestlabError:
            for path in folder:
                view.say(f"consoles and logs of this run: {path}")
                if (path / "result.json").exists():
                    view.say(f"what was measured before: nestlab report {path.name}")
            raise
    _show(outcome, console, as_json=as_json)


def _size(*, quick: bool, full: bool) -> "Size":
    from nestlab.errors import UsageError

    if quick and full:
        raise UsageError("demo.options", "--quick and --full exclude each other")
    if quick:
        return "quick"
    return "full" if full else "demo"


def _workloads(
    size: "Size", chosen: Sequence[str], archive: Path | None, home: Home
) -> "tuple[Workload, ...]":
    import asyncio

    from nestlab.lab.measure.choice import choose
    from nestlab.spec.bench import Bench

    return asyncio.run(choose(chosen, Bench(), size, archive, home, folder=Path()))


def _show(outcome: "Outcome", console: "Console", *, as_json: bool) -> None:
    show_result(outcome.result, as_json=as_json)
    say(console, f"saved: {outcome.folder}")
    if outcome.lab:
        _say_how_to_enter(outcome, console)


def _say_how_to_enter(outcome: "Outcome", console: "Console") -> None:
    from nestlab.lab.enter.ssh_config import write_access

    if outcome.lab is None:
        return
    state = outcome.lab.state
    config = write_access(state, outcome.lab.folder)
    say(console, f"lab {state.id} is running; enter it:")
    for guest in state.guests:
        name = guest.path.rpartition("/")[2]
        say(console, f"  {shlex.join(('ssh', '-F', str(config), name))}")
    say(console, f"take it down: {shlex.join(('nestlab', 'down', state.id))}")
