"""Which accelerator, and which link of the chain is the first that is broken."""

from typing import Any

import pytest

from facts_examples import SVM, VMX, cpu, facts, kvm
from nestlab.errors import HostError
from nestlab.facts.model import Facts
from nestlab.hypervisor.accelerator import broken_link, choose_accelerator


def device(**changes: Any) -> dict[str, Any]:
    return kvm(**changes).model_dump()


ABSENT = device(
    device="absent", open=None, api=None, guest_ran=None, svm=None, vmx=None, signature=None
)
DEAF = device(vmx=False, svm=False)

# facts, code, a word of the message, a word of the remedy
BROKEN: dict[str, tuple[Facts, str, str, str | None]] = {
    "nothing probed": (facts(kvm=None), "kvm.unknown", "could not be probed", None),
    "nothing probed, with a reason": (
        facts(kvm=None, unknown={"kvm": "no answer"}),
        "kvm.unknown",
        "could not be probed: no answer",
        "ls -ld",
    ),
    "nobody could look": (
        facts(kvm={**ABSENT, "device": None, "problem": "[Errno 13] Permission denied"}),
        "kvm.unknown",
        "could not be probed: [Errno 13] Permission denied",
        "ls -ld /dev /dev/kvm",
    ),
    "a plain file": (
        facts(kvm={**ABSENT, "device": "other", "open": True, "problem": "[Errno 25]"}),
        "kvm.not-a-device",
        "not a character device",
        "mknod -m 660 /dev/kvm c 10 232",
    ),
    "no device, no extension": (
        facts(kvm=ABSENT, cpu=cpu("hypervisor")),
        "cpu.no-virtualization",
        "neither VMX nor SVM",
        "-cpu host",
    ),
    "no device, CPU unknown": (
        facts(kvm=ABSENT, cpu=None),
        "cpu.no-virtualization",
        "no /dev/kvm",
        "firmware",
    ),
    "no device on AMD": (
        facts(kvm=ABSENT, cpu=cpu(*SVM)),
        "kvm.no-device",
        "has SVM",
        "sudo modprobe kvm_amd",
    ),
    "no device on Intel": (
        facts(kvm=ABSENT, cpu=cpu(*VMX)),
        "kvm.no-device",
        "has VMX",
        "sudo modprobe kvm_intel",
    ),
    "not openable": (
        facts(kvm=device(open=False, guest_ran=None, problem="[Errno 13] Permission denied")),
        "kvm.not-openable",
        "Permission denied",
        "usermod -aG kvm",
    ),
    "opens but runs nothing": (
        facts(kvm=device(guest_ran=False, problem="[Errno 16] Device or resource busy")),
        "kvm.no-guest",
        "Device or resource busy",
        "dmesg",
    ),
    "nested=N on Intel": (
        facts(kvm=DEAF, nested={"kvm_intel": "N"}),
        "kvm.nested-disabled",
        "(kvm_intel.nested=N)",
        "modprobe kvm_intel nested=1",
    ),
    "nested=0 on AMD": (
        facts(kvm=DEAF, nested={"kvm_amd": "0"}),
        "kvm.nested-disabled",
        "(kvm_amd.nested=0)",
        "options kvm_amd nested=1",
    ),
    "nested is on, yet nothing is offered": (
        facts(kvm=DEAF, nested={"kvm_amd": "1"}),
        "kvm.cannot-nest",
        "neither VMX nor SVM",
        "leave out --accel kvm",
    ),
    "nothing is offered and no module says why": (
        facts(kvm=DEAF, nested={}),
        "kvm.cannot-nest",
        "neither VMX nor SVM",
        "leave out --accel kvm",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_kvm_fails_rather_than_fall_back(case: str) -> None:
    broken, code, word, remedy = BROKEN[case]
    with pytest.raises(HostError) as caught:
        choose_accelerator(broken, "kvm", path="l1")
    error = caught.value
    assert error.code == code
    assert word in error.message
    assert "l1" in error.message
    assert error.where == "l1, while promoting it"
    assert (remedy or "") in (error.hint or "")
    assert error.exit_status == 3


@pytest.mark.parametrize("case", BROKEN)
def test_auto_falls_back_and_says_why(case: str) -> None:
    broken, _, word, _ = BROKEN[case]
    chosen = choose_accelerator(broken, "auto", path="l0")
    assert (chosen.name, chosen.emulated) == ("tcg", True)
    assert word in chosen.why


@pytest.mark.parametrize("wanted", ["auto", "kvm"])
@pytest.mark.parametrize(
    ("offered", "extension"),
    [
        ({"svm": True}, "SVM"),
        ({"vmx": True, "svm": False}, "VMX"),
        # the module's word counts less than what a guest would be offered
        ({"svm": True, "problem": None}, "SVM"),
    ],
)
def test_a_host_that_can_nest(wanted: Any, offered: dict[str, Any], extension: str) -> None:
    found = facts(kvm=device(**offered), nested={"kvm_amd": "N"})
    assert broken_link(found, path="l0") is None
    chosen = choose_accelerator(found, wanted, path="l0")
    assert (chosen.name, chosen.emulated) == ("kvm", False)
    assert extension in chosen.why


def test_tcg_is_taken_when_it_is_asked_for() -> None:
    chosen = choose_accelerator(facts(), "tcg", path="l0")
    assert (chosen.name, chosen.why) == ("tcg", "TCG was asked for")
