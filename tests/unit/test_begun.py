"""A program that was started ahead of the event loop."""

import asyncio
import sys
import time

import pytest

from nestlab.cli.ahead import begin
from nestlab.deadline import Deadline
from nestlab.errors import MachineError
from nestlab.machine.begun import Begun
from nestlab.machine.eager import EagerMachine
from nestlab.machine.protocol import Completed

CAT = ("cat",)
BIG = b"x" * (1 << 20)


def run(
    machine: EagerMachine, argv: tuple[str, ...], stdin: bytes, seconds: float = 20
) -> Completed:
    return asyncio.run(machine.run(argv, stdin=stdin, deadline=Deadline.after(seconds)))


def test_its_output_is_that_of_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = EagerMachine(Begun(CAT, BIG))
    done = run(machine, CAT, BIG)
    assert (done.ok, done.stdout, done.stderr) == (True, BIG, b"")
    # it is used once: the next one is a run of its own
    assert run(machine, CAT, BIG).stdout == BIG


@pytest.mark.parametrize(("argv", "stdin"), [(CAT, b"other"), (("echo", "b"), b"a")])
def test_another_program_is_another_run(argv: tuple[str, ...], stdin: bytes) -> None:
    begun = Begun(CAT, b"a")
    assert run(EagerMachine(begun), argv, stdin).stdout in {b"other", b"b\n"}
    begun.end()


def test_its_status_and_signal() -> None:
    script = ("sh", "-c", "exit 3")
    assert run(EagerMachine(Begun(script, b"")), script, b"").status == 3
    script = ("sh", "-c", "kill -9 $$")
    done = run(EagerMachine(Begun(script, b"")), script, b"")
    assert (done.status, done.signal) == (None, "KILL")


def test_one_that_takes_too_long_is_ended_with_its_children() -> None:
    script = ("sh", "-c", "sleep 100 & sleep 100")
    begun = Begun(script, b"")
    started = time.monotonic()
    with pytest.raises(MachineError) as caught:
        run(EagerMachine(begun), script, b"", 0.2)
    assert caught.value.code == "machine.deadline"
    assert time.monotonic() - started < 50, "it waited for its child's output"
    assert begun.wait(1) is not None


def test_a_program_that_is_not_there() -> None:
    with pytest.raises(OSError, match="no-such-program"):
        Begun(("no-such-program",), b"")


@pytest.mark.parametrize(
    "words", [[], ["demo"], ["doctor", "host"], ["doctor", "--no-probe"], ["doctor", "--root", "x"]]
)
def test_nothing_is_begun_for_other_commands(words: list[str]) -> None:
    assert begin(words) is None


def test_the_probe_is_begun_for_this_machine() -> None:
    begun = begin(["doctor", "--json"])
    assert begun is not None
    done = begun.wait(30)
    assert done is not None
    assert done.ok
    assert b"nestlab.facts/1" in done.stdout
    assert sys.executable
