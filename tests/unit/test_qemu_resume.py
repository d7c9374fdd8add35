"""A resumed guest gets its host's time."""

import asyncio
from collections.abc import Callable

import pytest

from nestlab.deadline import Deadline
from nestlab.errors import MachineError
from nestlab.hypervisor.qemu.resume import set_clock
from nestlab.machine.fake import FakeMachine, answer
from nestlab.machine.protocol import Completed

Program = Callable[[tuple[str, ...], bytes], Completed]


def saying(text: str, *, status: int = 0) -> Program:
    return lambda _argv, _stdin: answer(text, status=status, stderr="date: cannot\n")


def set_by(host: Program, guest: Program) -> list[tuple[str, ...]]:
    """What the guest was told."""
    machine = FakeMachine("l1", programs={"date": guest})
    above = FakeMachine("l0", programs={"date": host})
    asyncio.run(set_clock(above, machine, deadline=Deadline.after(10)))
    return machine.ran


def test_the_host_says_what_time_it_is() -> None:
    ((date, option, time),) = set_by(saying("1795550020.250000000\n"), saying(""))
    assert (date, option, time[0]) == ("date", "-s", "@")
    assert float(time[1:]) == pytest.approx(1795550020.25, abs=5)


@pytest.mark.parametrize("said", ["", "%s.%N\n", "Tue Nov 24\n"])
def test_a_host_that_does_not_say_it(said: str) -> None:
    with pytest.raises(MachineError) as caught:
        set_by(saying(said), saying(""))
    assert (caught.value.code, caught.value.where) == ("snapshot.clock", "l1, while resuming it")


def test_a_guest_that_does_not_take_it() -> None:
    with pytest.raises(MachineError) as caught:
        set_by(saying("1795550020.25\n"), saying("", status=1))
    assert caught.value.code == "snapshot.clock"
    assert "date: cannot" in str(caught.value.notes)
