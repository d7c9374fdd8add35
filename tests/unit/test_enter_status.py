"""The state of many machines, told by fakes."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from lab_examples import L1
from nestlab.deadline import Deadline
from nestlab.errors import MachineError
from nestlab.lab.access.status import LabStatus, survey_lab
from nestlab.lab.record.lock import hold
from nestlab.lab.record.state import GuestRecord, LabState
from nestlab.machine.fake import FakeFile, FakeMachine, answer
from nestlab.machine.protocol import Completed, Machine

Enter = Callable[[GuestRecord, Machine, Deadline], Awaitable[Machine]]


def record(path: str, **changes: object) -> GuestRecord:
    identity = f"nestlab-aa-{path.replace('/', '.')}"
    return L1.model_copy(update={"path": path, "identity": identity, **changes})


def lab(*guests: GuestRecord) -> LabState:
    return LabState(id="aa", place="/tmp/p", sockets="/tmp/s", guests=guests)


def machine(path: str, looked: str = "8 512\n4711\n") -> FakeMachine:
    """One that says so of each of its guests."""

    def look(argv: tuple[str, ...], _stdin: bytes) -> Completed:
        return answer(looked)

    files = {"/proc/uptime": FakeFile(b"12.5 3.0\n", 0o444)}
    return FakeMachine(path, programs={"sh": look}, files=files)


async def enter(guest: GuestRecord, _parent: Machine, _deadline: Deadline) -> Machine:
    return machine(guest.path)


async def refuse(guest: GuestRecord, _parent: Machine, _deadline: Deadline) -> Machine:
    raise MachineError("ssh.connect-failed", "no SSH login as root", where=guest.path)


async def hang(guest: GuestRecord, _parent: Machine, _deadline: Deadline) -> Machine:
    await asyncio.sleep(60)
    return machine(guest.path)


def surveyed(
    state: LabState,
    enter: Enter,
    host: FakeMachine | None = None,
    patience: float = 5,
    folder: Path = Path("/lab"),
) -> LabStatus:
    asked = survey_lab(folder, state, host=host or machine("l0"), enter=enter, patience=patience)
    return asyncio.run(asked)


def states(found: LabStatus) -> dict[str, tuple[str, str | None]]:
    return {each.path: (each.state, each.reason) for each in found.machines}


def test_twenty_machines_take_no_time() -> None:
    guests = [record("l1")]
    guests += [record(f"l1/l2-{number}") for number in range(19)]
    started = time.monotonic()
    found = surveyed(lab(*guests), enter)
    assert time.monotonic() - started < 0.5
    assert [each.path for each in found.machines] == [guest.path for guest in guests]
    assert {each.state for each in found.machines} == {"running"}
    assert {(each.uptime, each.disk_used) for each in found.machines} == {(12.5, 4096)}
    assert {each.parent for each in found.machines} == {"l0", "l1"}
    assert found.state == "left over"


def test_no_process_and_no_answer_is_gone() -> None:
    state = lab(record("l1"), record("l1/l2"), record("l1/l2/l3"))
    assert states(surveyed(state, refuse, machine("l0", "8 512\n"))) == {
        "l1": ("gone", "no QEMU of it runs"),
        "l1/l2": ("gone", "l1 is gone"),
        "l1/l2/l3": ("gone", "l1/l2 is gone"),
    }


def test_a_process_that_does_not_answer_is_unreachable() -> None:
    state = lab(record("l1"), record("l1/l2"))
    assert states(surveyed(state, refuse)) == {
        "l1": ("unreachable", "no SSH login as root"),
        "l1/l2": ("unreachable", "l1 is unreachable"),
    }


@pytest.mark.parametrize("slow", [1, 3])
def test_what_hangs_is_not_waited_for(slow: int) -> None:
    state = lab(*(record(f"l{number}") for number in range(1, slow + 1)))
    started = time.monotonic()
    found = surveyed(state, hang, patience=0.3)
    assert time.monotonic() - started < 2
    assert set(states(found).values()) == {("unreachable", "no answer within 0.3 s")}


def test_a_machine_that_hangs_once_it_is_entered() -> None:
    async def sleepy(guest: GuestRecord, _parent: Machine, _deadline: Deadline) -> Machine:
        async def never(_argv: tuple[str, ...], _stdin: bytes) -> Completed:
            await asyncio.sleep(60)
            return answer()

        return FakeMachine(guest.path, programs={"cat": never})

    found = surveyed(lab(record("l1")), sleepy, patience=0.3)
    assert states(found)["l1"][0] == "unreachable"


@pytest.mark.parametrize(
    ("looked", "busy", "stopped", "state"),
    [
        ("\n", True, False, "starting"),
        ("8 512\n4711\n", False, False, "starting"),
        ("\n", False, False, "gone"),
        ("\n", False, True, "stopped"),
    ],
)
def test_a_guest_without_a_port(
    tmp_path: Path, looked: str, busy: bool, stopped: bool, state: str
) -> None:
    guest = record("l1", ssh_port=None, stopped=stopped)
    with hold(tmp_path, "aa") if busy else contextlib.nullcontext():
        found = surveyed(lab(guest), enter, machine("l0", looked), folder=tmp_path)
    assert states(found)["l1"][0] == state


@pytest.mark.parametrize("looked", ["", "x y\n", "1 2 3\n", "-8 512\n", "8\n\n"])
def test_what_is_not_known_of_the_disk(looked: str) -> None:
    found = surveyed(lab(record("l1")), enter, machine("l0", looked))
    assert found.machines[0].disk_used is None
