"""Which disks may be measured: those of the lab file that nobody uses."""

import asyncio
import json
from typing import Any

import pytest

from nestlab.bench.scratch import scratch_disks
from nestlab.deadline import Deadline
from nestlab.errors import MachineError
from nestlab.hypervisor.plan import ScratchDisk
from nestlab.hypervisor.qemu.disks import serials_of
from nestlab.machine.fake import FakeMachine, answer
from nestlab.units import GIB
from nestlab.workload.protocol import Device
from plan_examples import L1

SERIALS = {"volumes": True, "dev0": False}


def disk(name: Any = "/dev/vdb", **more: Any) -> dict[str, Any]:
    empty = {"type": "disk", "serial": "volumes", "ro": False, "fstype": None, "mountpoint": None}
    return {"name": name, **empty, **more}


def found(
    output: str, serials: dict[str, bool] = SERIALS, *, numbers: str = ""
) -> tuple[Device, ...]:
    told = answer(f"{numbers}\n{output}")
    machine = FakeMachine("l1", programs={"sh": lambda _argv, _stdin: told})
    return asyncio.run(scratch_disks(machine, serials, deadline=Deadline.after(5)))


def listed(*disks: Any) -> tuple[Device, ...]:
    known = [each for each in disks if isinstance(each, dict) and each.get("serial")]
    numbers = "".join(f"{each['name']} {each['serial']}\n" for each in known)
    return found(json.dumps({"blockdevices": disks}), numbers=numbers)


def test_disks_are_known_by_their_serial_numbers() -> None:
    given = disk("/dev/vdc", serial="dev0", ro=True)
    other = disk("/dev/vda", serial="else")
    assert listed(disk(), given, other) == (
        Device("volumes", "/dev/vdb", writable=True),
        Device("dev0", "/dev/vdc", writable=False),
    )
    assert found("no lsblk here", {}) == ()


@pytest.mark.parametrize(
    "used",
    [{"fstype": "LVM2_member"}, {"mountpoint": "/srv"}, {"children": [{"name": "/dev/vdb1"}]}],
)
def test_a_disk_that_somebody_uses_is_never_written(used: dict[str, Any]) -> None:
    assert listed(disk(**used)) == ()
    # what can only be read is not harmed by being read
    assert listed(disk(serial="dev0", ro=True, **used)) == (Device("dev0", "/dev/vdb", False),)


def test_a_scratch_disk_that_is_read_only_is_not_written() -> None:
    assert listed(disk(ro=True)) == (Device("volumes", "/dev/vdb", writable=False),)
    assert listed(disk(ro="0")) == (Device("volumes", "/dev/vdb", writable=True),)


@pytest.mark.parametrize(
    "entry", ["x", None, {}, disk("vdb"), disk(name=5), disk(type="part"), disk(serial=None)]
)
def test_what_a_guest_says_is_not_trusted(entry: Any) -> None:
    assert listed(entry) == ()


@pytest.mark.parametrize("output", ["", "[" * 100_000])
def test_a_list_that_cannot_be_read(output: str) -> None:
    with pytest.raises(MachineError) as caught:
        found(output)
    assert caught.value.code == "bench.disks-failed"


@pytest.mark.parametrize("output", ["[]", "{}", '{"blockdevices": 5}'])
def test_a_list_of_something_else_has_no_disk(output: str) -> None:
    assert found(output) == ()


def test_serial_numbers_are_those_that_qemu_is_given() -> None:
    from dataclasses import replace

    plan = replace(L1, disks=(ScratchDisk(GIB, "volumes"), ScratchDisk(GIB)), devices=("/dev/x",))
    assert serials_of(plan) == {"volumes": True, "d1": True, "dev0": False}
