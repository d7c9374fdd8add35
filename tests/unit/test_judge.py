"""The proof of one level: every broken link has its name, and the first one counts."""

from dataclasses import replace
from typing import Any

import pytest

from facts_examples import cpu, facts, kvm
from nestlab.verify.level import Evidence, judge
from nestlab.verify.lscpu import Lscpu
from plan_examples import KVM, TCG

GUEST = Evidence(
    path="l1/l2",
    facts=facts(),
    lscpu=Lscpu("AMD-V", "KVM", "full"),
    runs_on=KVM,
    kvm_enabled=True,
    hosts=False,
)
NO_KVM = facts(kvm=kvm(device="absent", open=None, guest_ran=None).model_dump(), cpu=cpu())


def code(**changes: Any) -> str | None:
    broken = judge(replace(GUEST, **changes)).broken
    if broken is None:
        return None
    assert broken.where
    assert broken.where.startswith("l1/l2")
    return broken.code


def test_a_kvm_guest_is_proved() -> None:
    verdict = judge(GUEST)
    assert verdict.broken is None
    assert verdict.line == (
        "KVM guest (query-kvm: enabled; KVM, full) · AMD-V · kvm_amd.nested=1"
        " · /dev/kvm ran a guest, offers it SVM"
    )


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"kvm_enabled": False}, "verify.not-kvm"),
        ({"kvm_enabled": None}, "verify.not-kvm"),
        ({"lscpu": Lscpu(None, None, None)}, "verify.vendor"),
        ({"lscpu": Lscpu(None, "Microsoft", "full")}, "verify.vendor"),
        ({"lscpu": Lscpu(None, "KVM", "para")}, "verify.type"),
        ({"lscpu": Lscpu(None, "KVM", None)}, "verify.type"),
        # QEMU's word comes before what the guest itself says
        ({"kvm_enabled": False, "lscpu": Lscpu(None, None, None)}, "verify.not-kvm"),
        # its own /dev/kvm matters only where it has to host
        ({"facts": NO_KVM}, None),
        ({"facts": NO_KVM, "hosts": True}, "cpu.no-virtualization"),
        ({"facts": facts(kvm=None), "hosts": True}, "kvm.unknown"),
        ({"hosts": True}, None),
        # what it is comes before what it can do
        ({"kvm_enabled": False, "facts": NO_KVM, "hosts": True}, "verify.not-kvm"),
    ],
)
def test_the_first_broken_link(changes: dict[str, Any], expected: str | None) -> None:
    assert code(**changes) == expected


@pytest.mark.parametrize("runs_on", [None, TCG])
def test_only_a_kvm_guest_has_to_be_one(runs_on: Any) -> None:
    nothing = Lscpu(None, None, None)
    assert code(runs_on=runs_on, kvm_enabled=False, lscpu=nothing) is None


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (facts(), "/dev/kvm ran a guest, offers it SVM"),
        (facts(kvm=kvm(vmx=True).model_dump()), "offers it VMX and SVM"),
        (facts(kvm=kvm(svm=False).model_dump()), "offers it neither VMX nor SVM"),
        (facts(kvm=kvm(guest_ran=False, problem="EBUSY").model_dump()), "runs no guest: EBUSY"),
        (NO_KVM, "no /dev/kvm"),
        (facts(kvm=None), "/dev/kvm could not be probed"),
        (facts(kvm=kvm(device=None).model_dump()), "/dev/kvm could not be probed"),
        (facts(kvm=kvm(device="other").model_dump()), "/dev/kvm is not a device"),
        (facts(nested={"kvm_intel": "N"}), "kvm_intel.nested=N"),
    ],
)
def test_the_line_says_what_was_seen(found: Any, words: str) -> None:
    assert words in judge(replace(GUEST, facts=found)).line


def test_the_line_says_how_it_runs() -> None:
    assert judge(replace(GUEST, runs_on=None)).line.startswith("the host · ")
    assert judge(replace(GUEST, runs_on=TCG)).line.startswith("emulated by TCG · ")
