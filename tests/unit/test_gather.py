"""Facts by way of a machine: a real one, and ones whose answers cannot be trusted."""

import asyncio
import json

import pytest

from facts_examples import document
from nestlab.deadline import Deadline
from nestlab.errors import MachineError
from nestlab.facts.gather import gather
from nestlab.facts.model import Facts
from nestlab.machine.fake import FakeMachine, answer
from nestlab.machine.local import LocalMachine
from nestlab.machine.protocol import Completed, Machine

ARGV = ("python3", "-S", "-E", "-")


def gathered(machine: Machine) -> Facts:
    return asyncio.run(gather(machine, deadline=Deadline.after(20)))


def refusal(machine: Machine) -> MachineError:
    with pytest.raises(MachineError) as caught:
        gathered(machine)
    assert caught.value.where == f"{machine.path}, while reading its facts"
    assert caught.value.hint
    return caught.value


def test_this_machine_tells_its_facts() -> None:
    found = gathered(LocalMachine())
    assert found.kernel
    assert found.cpu


def test_the_probe_travels_on_stdin() -> None:
    sent = []

    def python(_argv: tuple[str, ...], stdin: bytes) -> Completed:
        sent.append(stdin)
        return answer(json.dumps(document()))

    machine = FakeMachine("l1", programs={"python3": python})
    assert gathered(machine).arch == "x86_64"
    assert machine.ran == [ARGV]
    assert b"nestlab.facts/1" in sent[0]


def test_a_machine_without_python() -> None:
    error = refusal(FakeMachine("l1/l2"))
    assert error.code == "facts.no-python"
    assert "l1/l2 has no python3" in error.message


def test_a_python_that_fails_is_quoted() -> None:
    trace = "Traceback\n" + "".join(f"line {number}\n" for number in range(9)) + "ImportError: x"
    machine = FakeMachine("l1", answers={ARGV: answer(status=1, stderr=trace)})
    error = refusal(machine)
    assert error.code == "facts.unreadable"
    assert "status 1" in error.message
    assert error.notes[-1] == "ImportError: x"
    assert len(error.notes) == 5


@pytest.mark.parametrize(
    "printed",
    [
        b"",
        b"bash: warning: cannot set locale\n",
        b"\x7fELF\xff\x00\xfe" * 100,
        b"[]",
        b"null",
        b"[" * 100_000,
        json.dumps(document()).encode()[:-40],
        json.dumps(document()).encode() + b"\nGoodbye",
        json.dumps(document(surprise=1)).encode(),
        json.dumps(document(kernel=["x"] * 1000)).encode(),
        json.dumps(document(unknown={"x": "y" * (2 << 20)})).encode(),
    ],
    ids=lambda printed: repr(printed[:20]),
)
def test_what_is_not_the_facts_is_refused(printed: bytes) -> None:
    error = refusal(FakeMachine("l1", answers={ARGV: answer(printed)}))
    assert error.code == "facts.unreadable"
    assert error.notes
    assert all(len(note) < 1000 for note in error.notes)


def test_a_lost_machine_stays_a_lost_machine() -> None:
    machine = FakeMachine("l1")
    machine.lose()
    with pytest.raises(MachineError) as caught:
        gathered(machine)
    assert caught.value.code == "machine.lost"
