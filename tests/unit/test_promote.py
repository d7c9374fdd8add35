"""A machine becomes a hypervisor, or says what it lacks."""

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from facts_examples import document, facts, kvm
from nestlab.deadline import Deadline
from nestlab.errors import HostError, NestlabError
from nestlab.hypervisor.promote import load_kvm, promote, promote_resumed
from nestlab.hypervisor.qemu.arch import TABLE
from nestlab.hypervisor.qemu.boot import QemuHypervisor
from nestlab.machine.fake import FakeMachine, answer
from nestlab.machine.local import LocalMachine
from nestlab.machine.protocol import Completed, Machine

QBOOT = "/usr/share/qemu/qboot.rom"


def machine(*, look: Completed, modprobe: Completed | None = None, **facts: Any) -> FakeMachine:
    """A machine whose `sh` plays the search for QEMU."""

    def sh(argv: tuple[str, ...], _stdin: bytes) -> Completed:
        assert argv[3:] == ("sh", TABLE["x86_64"].program, *TABLE["x86_64"].firmware)
        return look

    def load(_argv: tuple[str, ...], _stdin: bytes) -> Completed:
        assert modprobe is not None
        return modprobe

    programs = {"sh": sh, "python3": lambda _argv, _stdin: answer(json.dumps(document(**facts)))}
    return FakeMachine("l1", programs={**programs, **({"modprobe": load} if modprobe else {})})


def promoted(found: Machine, wanted: Any = "kvm", *, ours: bool = False) -> QemuHypervisor:
    hypervisor = asyncio.run(promote(found, wanted, ours=ours, deadline=Deadline.after(5)))
    assert isinstance(hypervisor, QemuHypervisor)
    return hypervisor


def failure(found: FakeMachine, wanted: Any = "kvm") -> NestlabError:
    with pytest.raises(HostError) as caught:
        promoted(found, wanted)
    return caught.value


def modprobes(found: FakeMachine) -> list[str]:
    return [argv[-1] for argv in found.ran if argv[0] == "modprobe"]


def test_the_firmware_that_is_there_is_used() -> None:
    hypervisor = promoted(machine(look=answer(f"{QBOOT}\n")))
    assert hypervisor.firmware == QBOOT
    assert hypervisor.accelerator.name == "kvm"
    assert hypervisor.facts.arch == "x86_64"


def test_without_one_it_is_qemu_s_own() -> None:
    assert promoted(machine(look=answer())).firmware is None


def test_an_arm_machine_looks_for_what_starts_cloud_images() -> None:
    arm = TABLE["aarch64"]

    def sh(argv: tuple[str, ...], _stdin: bytes) -> Completed:
        assert argv[4] == arm.program
        return answer(f"{arm.loader[1]}\n" if argv[5:] == arm.loader else "")

    told = json.dumps(document(arch="aarch64"))
    found = FakeMachine("l1", programs={"sh": sh, "python3": lambda _argv, _stdin: answer(told)})
    hypervisor = promoted(found, "tcg")
    assert (hypervisor.firmware, hypervisor.loader) == (None, arm.loader[1])


@pytest.mark.skipif(not shutil.which("qemu-system-x86_64"), reason="there is no QEMU here")
def test_this_machine_s_qemu_is_found() -> None:
    found = promoted(LocalMachine(), "tcg").firmware
    assert found is None or Path(found).is_file()


def test_a_machine_without_qemu() -> None:
    error = failure(machine(look=answer(status=1)))
    assert error.code == "qemu.missing"
    assert error.message == "l1 has no QEMU"
    assert error.hint
    assert "apt-get install qemu-system-x86" in error.hint


def test_an_architecture_that_is_not_in_the_table() -> None:
    error = failure(machine(look=answer(), arch="riscv64"), "tcg")
    assert error.code == "arch.unsupported"
    assert "riscv64" in error.message
    assert error.where == "l1, while promoting it"
    assert error.hint
    assert "x86_64" in error.hint


def test_a_broken_link_comes_before_the_search_for_qemu() -> None:
    deaf = kvm(svm=False).model_dump()
    found = machine(look=answer(status=1), kvm=deaf, nested={"kvm_amd": "1"})
    assert failure(found).code == "kvm.cannot-nest"


def test_what_was_proved_before_a_guest_was_saved_is_not_asked_again() -> None:
    guest = machine(look=answer(f"{QBOOT}\n"))
    known, deadline = facts(), Deadline.after(5)
    hypervisor = asyncio.run(promote_resumed(guest, known, deadline=deadline))
    assert isinstance(hypervisor, QemuHypervisor)
    assert (hypervisor.facts, hypervisor.firmware) == (known, QBOOT)
    assert hypervisor.accelerator.name == "kvm"
    assert [argv[0] for argv in guest.ran] == ["sh"]
    deaf = facts(kvm=kvm(svm=False).model_dump(), nested={"kvm_amd": "1"})
    with pytest.raises(HostError) as caught:
        asyncio.run(promote_resumed(guest, deaf, deadline=deadline))
    assert caught.value.code == "kvm.cannot-nest"


def test_the_module_is_loaded_on_machines_of_ours_alone() -> None:
    guest = machine(look=answer(), modprobe=answer())
    promoted(guest, ours=True)
    assert modprobes(guest) == ["kvm_amd"]
    theirs = machine(look=answer(), modprobe=answer())
    promoted(theirs)
    assert modprobes(theirs) == []


def test_the_other_module_is_tried_and_failing_is_no_news() -> None:
    found = machine(look=answer(), modprobe=answer(status=1))
    asyncio.run(load_kvm(found, Deadline.after(5)))
    assert modprobes(found) == ["kvm_amd", "kvm_intel"]
    without = machine(look=answer())
    asyncio.run(load_kvm(without, Deadline.after(5)))
    assert modprobes(without) == ["kvm_amd", "kvm_intel"]


def test_a_machine_that_is_lost_meanwhile_is_no_machine_without_modules() -> None:
    found = machine(look=answer())
    found.lose()
    with pytest.raises(NestlabError) as caught:
        asyncio.run(load_kvm(found, Deadline.after(5)))
    assert caught.value.code == "machine.lost"
