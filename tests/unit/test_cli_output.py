"""How errors and progress look, and what a signal does."""

import io
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from lab_examples import L1, L2
from nestlab.cli.demo import _show as show_outcome
from nestlab.cli.failure import render_error, show_bug
from nestlab.cli.progress import ProgressView
from nestlab.errors import HostError, MachineError
from nestlab.events import Notice, Progress, State
from nestlab.lab.change.demo import Outcome
from nestlab.lab.record.running import Lab
from nestlab.lab.record.state import LabState
from result_examples import result

ODD = "\x1b[2Jred\x07 \x9b31m\u202eabc\r\n"


def test_an_error_has_the_shape_of_the_design() -> None:
    error = HostError(
        "kvm.nested-disabled",
        "nested virtualization is off on l0 (kvm_intel.nested=N)",
        where="l0, while promoting it",
        log="/runs/x/l0/facts.json",
        hint="run `nestlab enable`",
        notes=("a line of evidence",),
    )
    error.add_note("guest.still-running: it does not end")
    assert render_error(error).splitlines() == [
        "error[kvm.nested-disabled]: nested virtualization is off on l0 (kvm_intel.nested=N)",
        "  where: l0, while promoting it",
        "  log:   /runs/x/l0/facts.json",
        "  | a line of evidence",
        "  also:  guest.still-running: it does not end",
        "hint: run `nestlab enable`",
    ]


def test_how_to_enter_can_be_pasted_into_a_shell(tmp_path: Path) -> None:
    folder = tmp_path / "a [red]lab's folder"
    folder.mkdir()
    state = LabState(id="x", place="/tmp/p", sockets="/tmp/s", guests=(L1, L2))
    out = io.StringIO()
    show_outcome(
        Outcome(result(), tmp_path / "[bold]runs", Lab(folder, state)),
        Console(file=out, width=40),
        as_json=True,
    )
    lines = out.getvalue().splitlines()
    assert lines[0] == f"saved: {tmp_path}/[bold]runs"
    config = str(folder / "ssh_config")
    assert [shlex.split(line) for line in lines[2:4]] == [
        ["ssh", "-F", config, "l1"],
        ["ssh", "-F", config, "l2"],
    ]
    assert lines[4] == "take it down: nestlab down x"


def test_what_is_not_known_is_left_out() -> None:
    assert render_error(MachineError("guest.died", "it died")) == "error[guest.died]: it died"


def test_words_of_a_guest_cannot_move_the_cursor() -> None:
    error = MachineError("guest.panicked", ODD, where=ODD, log=ODD, hint=ODD, notes=(ODD, ODD))
    error.add_note(ODD)
    lines = render_error(error).split("\n")
    assert len(lines) == 7
    assert all(line.isprintable() for line in lines)
    assert "\\x1b[2Jred" in lines[0]


def test_a_bug_says_what_to_report(capsys: pytest.CaptureFixture[str]) -> None:
    show_bug("Traceback …\nZeroDivisionError\n")
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("Traceback …\nZeroDivisionError\nerror[bug]: ")


def watched(*, terminal: bool) -> str:
    """What a short chain of events looks like."""
    file = io.StringIO()
    console = Console(file=file, force_terminal=terminal, width=80, color_system=None)
    with ProgressView(console) as view:
        view(Progress("l1", "booting"))
        view(Notice("l0: KVM cannot nest [bold]here[/]"))
        view(Progress("l1/l2", ODD))
        view(Progress("l1", "up after 9.0 s", State.DONE))
        view(Progress("l1/l2", "broken link", State.FAILED))
    return file.getvalue()


def test_elsewhere_every_event_is_a_line_with_its_time() -> None:
    lines = watched(terminal=False).splitlines()
    assert [line.partition(" s] ")[2] for line in lines] == [
        "l1: booting",
        "l0: KVM cannot nest [bold]here[/]",
        "l1/l2: \\x1b[2Jred\\x07 \\x9b31m\\u202eabc\\r\\n",
        "l1: ok up after 9.0 s",
        "l1/l2: !! broken link",
    ]
    assert all(line.startswith("[") for line in lines)


def test_on_a_terminal_every_machine_has_one_line() -> None:
    text = watched(terminal=True)
    last = text[text.rindex("l1 ") :]
    assert "ok up after 9.0 s" in last
    assert "!! broken link" in last
    assert "l0: KVM cannot nest [bold]here[/]" in text
    assert "\x1b[2Jred" not in text


PROGRAM = """
import asyncio, sys
from nestlab.cli.interrupt import run_interruptible

def tell(text):
    print(text, flush=True)

async def work():
    try:
        tell("working")
        if "quick" in sys.argv:
            return 5
        await asyncio.sleep(60)
    finally:
        await asyncio.sleep(0.3 if "slow" in sys.argv else 0.01)
        tell("cleaned up")

tell(run_interruptible(work(), tell))
"""


def interrupted(*signals: signal.Signals, word: str = "") -> tuple[int, list[str]]:
    """Status and output of a program that gets signals while it works."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, word], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout
        lines = [child.stdout.readline()]
        for number in signals:
            child.send_signal(number)
            lines.append(child.stdout.readline())
        rest, _ = child.communicate(timeout=10)
    return child.returncode, [*(line.strip() for line in lines), *rest.splitlines()]


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_ends_it_with_a_clean_teardown(number: signal.Signals, status: int) -> None:
    ended, lines = interrupted(number)
    assert ended == status
    assert lines == ["working", "taking everything down …", "cleaned up"]


def test_a_second_signal_does_not_break_the_teardown() -> None:
    ended, lines = interrupted(signal.SIGINT, signal.SIGTERM, word="slow")
    assert ended == 130
    assert lines[2:] == ["still cleaning up …", "cleaned up"]


def test_without_a_signal_the_result_comes_back() -> None:
    argv = [sys.executable, "-c", PROGRAM, "quick"]
    assert subprocess.check_output(argv, text=True).splitlines() == ["working", "cleaned up", "5"]
