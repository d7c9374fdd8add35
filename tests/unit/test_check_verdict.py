"""The verdict: what many findings come to."""

import json
from typing import Any

import pytest

from check_cases import GOOD
from facts_examples import absent, cpu, dropped, facts, full, intel, kvm, modules, outer
from nestlab.check.chain import CHAIN, first_broken
from nestlab.check.verdict import examine, judge, unreached
from nestlab.errors import MachineError
from nestlab.facts.model import Facts
from test_accelerator import BROKEN

DEAF = kvm(vmx=False, svm=False).model_dump()
SOFTWARE: dict[str, Any] = {
    "kvm": DEAF, "cpu": cpu("hypervisor"), "nested": {}, "parameters": {},
    "modules": modules(kvm="loaded", kvm_pvm="loaded"),
}  # fmt: skip
ARM: dict[str, Any] = {"arch": "aarch64", "kernel": "6.18.0", "cpu": cpu(), "nested": {}}
EL2 = kvm(vmx=None, svm=None, capabilities={"ARM_EL2": 1}).model_dump()
NOBODY_TRIED = absent(device="char", mode=0o660, uid=0, gid=104, group="kvm")
NO_QEMU: dict[str, str] = {}


# facts, ready, emulated only, depth, broken link, a word of the sentence
CASES: dict[str, tuple[Facts, bool, bool, int | None, str | None, str]] = {
    "proved": (GOOD, True, False, 3, None, "ready: a guest ran with KVM and is offered SVM"),
    "Intel": (full(**intel()), True, False, 3, None, "offered VMX"),
    "nobody tried": (full(kvm=NOBODY_TRIED), True, False, 3, None, "no guest was run to prove it"),
    "Arm": (full(**ARM, kvm=EL2), True, False, 2, None, "offered EL2"),
    "s390x": (
        full(
            arch="s390x",
            cpu=cpu("sie"),
            nested={"kvm": "1"},
            parameters={},
            kvm={**EL2, "capabilities": {}},
        ),
        True,
        False,
        2,
        None,
        "SIE",
    ),
    "POWER": (
        full(
            arch="ppc64le",
            cpu=cpu(),
            kvm={**EL2, "guest_ran": None, "capabilities": {"PPC_NESTED_HV": 1}},
        ),
        True,
        False,
        2,
        None,
        "nested HV",
    ),
    "in an emulated machine": (
        full(outer=outer(cpuid="TCGTCGTCGTCG")),
        True,
        False,
        3,
        None,
        "this machine itself is emulated",
    ),
    "software KVM": (
        full(**SOFTWARE),
        False,
        True,
        3,
        "kvm.software",
        "ready, emulated only: KVM is done in software",
    ),
    "software KVM, no QEMU": (
        full(**SOFTWARE, tools=NO_QEMU),
        False,
        False,
        1,
        "kvm.software",
        "not ready: KVM",
    ),
    "a QEMU that says no version": (
        full(**SOFTWARE, tools={"qemu-system-x86_64": ""}),
        False,
        False,
        1,
        "kvm.software",
        "not ready",
    ),
    "nested off": (
        full(kvm=DEAF, nested={"kvm_amd": "0"}, parameters={}),
        False,
        False,
        1,
        "kvm.nested-disabled",
        "not ready: nested virtualization is off (kvm_amd.nested=0)",
    ),
    "nested off in a copy": (
        full(kvm=NOBODY_TRIED, nested={"kvm_amd": "0"}, parameters={}),
        False,
        False,
        1,
        "kvm.nested-disabled",
        "not ready",
    ),
    "no extension": (
        full(kvm=absent(), cpu=cpu()),
        False,
        True,
        3,
        "cpu.no-virtualization",
        "ready, emulated only",
    ),
    "no extension, no QEMU": (
        full(kvm=absent(), cpu=cpu(), tools=NO_QEMU),
        False,
        False,
        0,
        "cpu.no-virtualization",
        "not ready",
    ),
    "Arm without EL2": (
        full(
            **ARM,
            kvm=absent(),
            kernel_log=["kvm [1]: HYP mode not available"],
            tools={"qemu-system-aarch64": "10.0"},
        ),
        False,
        True,
        2,
        "cpu.no-virtualization",
        "ready, emulated only",
    ),
    "s390x cannot be emulated": (
        full(arch="s390x", cpu=cpu(), kvm=absent(), tools={"qemu-system-s390x": "10.0"}),
        False,
        False,
        0,
        "cpu.no-virtualization",
        "not ready",
    ),
    "nothing is known": (
        dropped(GOOD, *(set(Facts.model_fields) - {"schema_", "unknown"})),
        False,
        False,
        None,
        "kvm.unknown",
        "not ready: /dev/kvm could not be probed (not known: cpu,",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_verdict(case: str) -> None:
    found, ready, emulated, depth, broken, words = CASES[case]
    verdict = judge(found)
    got = (verdict.ready, verdict.emulated_only, verdict.max_depth, verdict.broken_link)
    assert got == (ready, emulated, depth, broken)
    assert words in verdict.verdict
    assert verdict.proved == bool(found.kvm and found.kvm.guest_ran)


@pytest.mark.parametrize("case", BROKEN)
def test_the_chain_breaks_where_the_accelerator_says(case: str) -> None:
    found, code, words, remedy = BROKEN[case]
    broken = first_broken(examine(found))
    assert broken is not None
    assert broken.code == code
    assert words in broken.what or code == "cpu.no-virtualization"
    assert (remedy or "") in broken.remedy


def test_what_a_guest_is_offered_counts_more_than_a_parameter() -> None:
    assert judge(full(nested={"kvm_amd": "N"}, parameters={})).ready


def test_the_deepest_cause_comes_first() -> None:
    everything = full(
        **intel(feature_control=1, kvm=absent(device="other"), nested={"kvm_intel": "N"})
    )
    assert judge(everything).broken_link == "cpu.firmware-locked"
    assert [rule.code for rule in CHAIN][-1] == "kvm.unknown"


def test_findings_are_sorted_by_severity() -> None:
    order = ["error", "warning", "info", "ok"]
    found = judge(facts(kvm=None, clocksource={"current": "hpet", "available": []})).findings
    assert [each.severity for each in found] == sorted(
        (each.severity for each in found), key=order.index
    )


def test_the_shape_of_the_document() -> None:
    text = judge(full(kvm=absent(), cpu=cpu())).as_json()
    assert list(text) == [
        "ready", "proved", "emulated_only", "max_depth", "verdict", "broken_link", "findings",
    ]  # fmt: skip
    assert list(text["findings"][0]) == ["code", "severity", "what", "why", "remedy", "source"]
    assert text["findings"][0]["code"] == "cpu.no-virtualization"
    assert json.loads(json.dumps(text)) == text


def test_a_machine_that_gave_no_facts() -> None:
    problem = MachineError("ssh.refused", "connection refused", hint="start sshd there")
    verdict = unreached(problem)
    assert not verdict.ready
    assert verdict.max_depth is None
    assert verdict.broken_link == "ssh.refused"
    assert verdict.verdict == "not ready: it could not be asked: connection refused"
    assert verdict.findings[0].remedy == "start sshd there"
