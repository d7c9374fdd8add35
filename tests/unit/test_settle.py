"""Waiting until a guest's systemd has started what it starts by itself."""

import asyncio

import pytest

from nestlab.deadline import Deadline
from nestlab.errors import MachineError
from nestlab.hypervisor.promote import settle
from nestlab.machine.fake import FakeMachine, answer
from nestlab.machine.protocol import Completed

ASKED = ("systemctl", "is-system-running")


def machine_that_says(*states: bytes) -> FakeMachine:
    """The last state is said again and again."""
    left = list(states)

    def systemctl(_argv: tuple[str, ...], _stdin: bytes) -> Completed:
        state = left.pop(0) if len(left) > 1 else left[0]
        return answer(state, status=0 if state == b"running\n" else 1)

    return FakeMachine("l1", programs={"systemctl": systemctl})


@pytest.mark.parametrize("state", [b"running\n", b"degraded\n"])
def test_a_settled_guest_is_asked_once(state: bytes) -> None:
    machine = machine_that_says(state)
    asyncio.run(settle(machine, Deadline.after(10)))
    assert machine.ran == [ASKED]


def test_it_waits_until_systemd_is_done() -> None:
    machine = machine_that_says(b"", b"starting\n", b"running\n")
    asyncio.run(settle(machine, Deadline.after(10)))
    assert machine.ran == [ASKED] * 3


def test_a_machine_without_systemd_has_nothing_to_wait_for() -> None:
    asyncio.run(settle(FakeMachine("l1"), Deadline.after(10)))


def test_the_deadline_says_what_systemd_said_last() -> None:
    with pytest.raises(MachineError, match="last: starting") as caught:
        asyncio.run(settle(machine_that_says(b"starting\n"), Deadline.after(0.4)))
    assert caught.value.where == "l1, while promoting it"
