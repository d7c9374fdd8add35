"""Checks of KVM's other parameters."""

import pytest

from check_cases import Strike, Strikes, check, content, each
from facts_examples import absent, cpu, full, intel
from nestlab.facts.model import Facts

STRIKES: Strikes = {
    "kvm.second-level-paging-off": (
        Strike(
            full(parameters={"kvm_amd": {"npt": "N"}}),
            "warning",
            "kvm_amd.npt is off",
            "kvm_amd npt=1",
        ),
        Strike(
            full(**intel(parameters={"kvm_intel": {"ept": "0"}})),
            "warning",
            "kvm_intel.ept",
            "ept=1",
        ),
    ),
    "kvm.no-unrestricted-guest": (
        Strike(
            full(**intel(parameters={"kvm_intel": {"unrestricted_guest": "N"}})),
            "warning",
            "start slower",
            "unrestricted_guest=1",
        ),
    ),
    "kvm.no-shadow-vmcs": (
        Strike(
            full(**intel(parameters={"kvm_intel": {"enable_shadow_vmcs": "n"}})),
            "info",
            "VMREAD",
            "enable_shadow_vmcs=1",
        ),
    ),
    "kvm.no-apic-virtualization": (
        Strike(full(parameters={"kvm_amd": {"avic": "N"}}), "info", "kvm_amd.avic", "avic=1"),
        Strike(
            full(**intel(parameters={"kvm_intel": {"enable_apicv": "N"}})),
            "info",
            "apicv",
            "enable_apicv=1",
        ),
    ),
    "kvm.no-posted-interrupts": (
        Strike(full(cpu={**cpu("vmx", "ept"), "vmx_flags": ["ept"]}), "info", "posted"),
    ),
    "kvm.halt-polling": (
        Strike(full(parameters={"kvm": {"halt_poll_ns": "0"}}), "info", "is 0", "echo 200000"),
        Strike(
            full(arch="aarch64", parameters={"kvm": {"halt_poll_ns": "5000000"}}),
            "warning",
            "5.0 ms",
            "echo 500000",
        ),
    ),
    "kernel.attack-surface": (Strike(full(), "info", "trusted"),),
}


@pytest.mark.parametrize(("code", "strike"), each(STRIKES))
def test_it_strikes(code: str, strike: Strike) -> None:
    check(code, strike)


@pytest.mark.parametrize("code", STRIKES)
def test_a_good_machine_passes(code: str) -> None:
    assert content(code, full(nested=None, parameters=None, kvm=absent()))


PASSES = [
    ("kvm.second-level-paging-off", full(**intel())),
    ("kvm.no-posted-interrupts", full(**intel())),
    ("kvm.halt-polling", full(parameters={"kvm": {"halt_poll_ns": "many"}})),
    ("kvm.second-level-paging-off", full(parameters={"kvm_amd": {"npt": "-1"}})),
]


@pytest.mark.parametrize(("code", "facts"), PASSES)
def test_it_passes(code: str, facts: Facts) -> None:
    assert content(code, facts)
