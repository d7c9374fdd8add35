"""What lscpu says, in the shapes that it has had.

flat-kvm-guest.json is what util-linux 2.38 printed into a pipe in a guest of a cloud,
nested-on-a-terminal.json the same on a terminal; the others have these shapes and the values of an
emulated AMD guest and of a bare machine.
"""

import asyncio
import json
import shutil
from pathlib import Path

import pytest

from nestlab.deadline import Deadline
from nestlab.errors import MachineError
from nestlab.machine.fake import FakeMachine, answer
from nestlab.machine.local import LocalMachine
from nestlab.verify.inspect import ask_lscpu
from nestlab.verify.lscpu import Lscpu, parse_lscpu

GOLDEN = Path(__file__).parents[1] / "golden" / "lscpu"
ARGV = ("env", "LC_ALL=C", "lscpu", "-J")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("flat-kvm-guest", Lscpu(None, "KVM", "full")),
        ("nested-on-a-terminal", Lscpu(None, "KVM", "full")),
        ("nested-kvm-guest", Lscpu("AMD-V", "KVM", "full")),
        ("flat-bare-metal", Lscpu("VT-x", None, None)),
    ],
)
def test_both_shapes_are_read(name: str, expected: Lscpu) -> None:
    assert parse_lscpu((GOLDEN / f"{name}.json").read_text(), path="l1") == expected


@pytest.mark.skipif(not shutil.which("lscpu"), reason="there is no lscpu here")
def test_this_machine_s_lscpu_is_understood() -> None:
    found = asyncio.run(ask_lscpu(LocalMachine(), deadline=Deadline.after(10)))
    assert found.type in {None, "full", "para", "container"}
    assert (found.hypervisor_vendor is None) == (found.type is None)


def entry(**changes: object) -> str:
    return json.dumps({"lscpu": [{"field": "Virtualization:", "data": "VT-x", **changes}]})


def virtualization(**changes: object) -> str | None:
    return parse_lscpu(entry(**changes), path="l1").virtualization


def test_values_of_a_guest_are_bounded_and_nothing_is_evaluated() -> None:
    assert virtualization(data="x" * 10_000) == "x" * 200
    assert virtualization(data=7) == "7"
    assert virtualization(data=None) is None


@pytest.mark.parametrize(
    "text",
    [
        *("", "lscpu: cannot read", "[]", "null", "7", '{"lscpu": 7}', '{"lscpu": [7]}'),
        *('{"cpu": []}', '{"lscpu": ["x"]}', '{"lscpu": [{}]}', '{"lscpu": [[]]}'),
        entry(children=7),
        entry(children=None),
        entry(children=[7]),
        '{"lscpu": ' + "[" * 100_000,
        '{"lscpu":' + '[{"field":"a","data":null,"children":' * 5000 + "[]" + "}]" * 5000 + "}",
        (GOLDEN / "flat-kvm-guest.json").read_text()[:-20],
    ],
    ids=lambda text: text[:30],
)
def test_garbage_is_refused(text: str) -> None:
    with pytest.raises(MachineError) as caught:
        parse_lscpu(text, path="l1/l2")
    assert caught.value.code == "verify.lscpu-unreadable"
    assert caught.value.where == "l1/l2, while verifying it"
    assert caught.value.hint


def test_the_machine_whose_lscpu_is_not_understood_is_named() -> None:
    machine = FakeMachine("l1", answers={ARGV: answer("garbage")})
    with pytest.raises(MachineError) as caught:
        asyncio.run(ask_lscpu(machine, deadline=Deadline.after(5)))
    assert caught.value.where == "l1, while verifying it"


def test_an_lscpu_that_fails() -> None:
    missing = answer(status=127, stderr="env: 'lscpu': No such file or directory\n")
    machine = FakeMachine("l1", answers={ARGV: missing})
    with pytest.raises(MachineError) as caught:
        asyncio.run(ask_lscpu(machine, deadline=Deadline.after(5)))
    assert caught.value.code == "verify.lscpu-failed"
    assert "No such file" in caught.value.notes[0]
