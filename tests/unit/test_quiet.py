"""How L0 is before a round, and what the CPUs of a machine spent their time on."""

import asyncio
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nestlab.bench.jiffies import Jiffies
from nestlab.bench.quiet import Quiet, disturbances, listen, read
from nestlab.deadline import Deadline
from nestlab.machine.local import LocalMachine


def test_this_machine_says_how_it_is() -> None:
    found = asyncio.run(listen(LocalMachine(), (), seconds=0.2, deadline=Deadline.after(30)))
    assert found.load is not None
    assert found.busy is not None
    assert 0 <= found.busy <= 1
    assert set(found.conditions) <= {"load", "busy", "throttled", "mhz", "others"}


def test_a_guest_that_is_none_of_ours_is_seen(tmp_path: Path) -> None:
    """A program of QEMU's name; it is not counted when it is the lab's."""
    program = tmp_path / "qemu-system-x"
    shutil.copy("/bin/sleep", program)
    with subprocess.Popen([program, "60"]) as running:
        try:
            seen, ours = (
                asyncio.run(listen(LocalMachine(), known, seconds=0, deadline=Deadline.after(30)))
                for known in ((), (running.pid,))
            )
        finally:
            running.kill()
    assert seen.others == ours.others + 1


def test_what_is_read() -> None:
    text = (
        "load 1.25\nstat cpu  100 0 0 100 0 0 0 0 0 0\nstat cpu  110 0 0 120 10 0 0 0 0 0\n"
        "throttled 3\nthrottled 4\nkhz 3000000\nkhz 2000000\nother 99\nnonsense\nkhz x\n"
    )
    assert read(text) == Quiet(load=1.25, busy=0.25, throttled=7, mhz=2500.0, others=1)


@given(st.text())
def test_whatever_it_says_is_read(text: str) -> None:
    assert read(text).others >= 0


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (Quiet(busy=0.05, throttled=5, mhz=2999.0), ()),
        (Quiet(others=2), ("2 other guests run on l0",)),
        (Quiet(busy=0.5), ("l0 was 50 % busy before a round, while nothing was measured",)),
        (Quiet(throttled=8), ("the CPUs of l0 were throttled by heat 3 times during a round",)),
        (Quiet(mhz=2000.0), ("the clock rate of l0 fell from 3000 to 2000 MHz",)),
    ],
)
def test_what_disturbs_has_its_words(now: Quiet, words: tuple[str, ...]) -> None:
    first = before = Quiet(load=0.1, busy=0.01, throttled=5, mhz=3000.0)
    assert tuple(disturbances(first, before, now)) == words


def test_parts_of_the_time_between_two_readings() -> None:
    first = Jiffies.read("cpu  100 0 100 1000 50 0 0 10 3 3")
    last = Jiffies.read("cpu  140 0 100 1040 60 0 0 20 9 9")
    assert first is not None
    assert last is not None
    passed = first.until(last)
    assert passed.busy == 0.5  # 40 of user and 10 of steal, of 100
    assert passed.steal == 0.1
    assert first.until(first).steal is None
    assert last.until(first).steal is None  # a counter that went back


@pytest.mark.parametrize(
    "line", ["", "cpu", "cpu0 1 2 3 4 5 6 7 8", "cpu 1 2 3", "cpu a b c d e f g h"]
)
def test_what_is_no_line_of_cpus(line: str) -> None:
    assert Jiffies.read(line) is None
