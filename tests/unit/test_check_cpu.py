"""Checks of the processor."""

import pytest

from check_cases import Strike, Strikes, check, content, each
from facts_examples import absent, cpu, full, intel, outer
from nestlab.facts.model import Facts

STRIKES: Strikes = {
    "cpu.no-virtualization": (
        Strike(
            full(cpu=cpu("hypervisor"), kvm=absent()), "error", "neither VMX nor SVM", "-cpu host"
        ),
        Strike(full(cpu=None, kvm=absent()), "error", "could not be read", "firmware"),
        Strike(
            full(cpu=cpu(), kvm=absent(), outer=outer(detect_virt="vmware")),
            "error",
            "there is no /dev/kvm",
            "vhv.enable",
        ),
        Strike(
            full(
                arch="aarch64",
                cpu=cpu(),
                kvm=absent(),
                kernel_log=["kvm [1]: HYP mode not available"],
            ),
            "error",
            "neither EL2",
            "start the kernel at EL2",
        ),
        Strike(full(arch="s390x", cpu=cpu(), kvm=None), "error", "SIE"),
    ),
    "cpu.firmware-locked": (
        Strike(
            full(**intel(feature_control=1, kvm=absent())), "error", "is 0x1", "power off and on"
        ),
        Strike(
            full(
                cpu=cpu(), kvm=absent(), kernel_log=["x86/cpu: VMX (outside TXT) disabled by BIOS"]
            ),
            "error",
            "VMX (outside TXT)",
        ),
        Strike(full(kvm=absent(), kernel_log=["kvm: disabled by bios"]), "error", "locked"),
        Strike(
            full(kvm=None, kernel_log=["kvm_amd: SVM disabled (by BIOS) in MSR_VM_CR"]),
            "error",
            "SVM",
        ),
        Strike(
            full(
                kvm=None, kernel_log=["kvm_intel: VMX not enabled (by BIOS) in MSR_IA32_FEAT_CTL"]
            ),
            "error",
            "not enabled",
        ),
        Strike(
            full(**intel(feature_control=1, kvm=absent(), outer=outer(detect_virt="microsoft"))),
            "error",
            "locked",
            "ExposeVirtualizationExtensions",
        ),
    ),
    "cpu.no-second-level-paging": (
        Strike(full(cpu=cpu("svm")), "warning", "SVM but not NPT", "EPT or NPT"),
        Strike(
            full(cpu=cpu("vmx"), outer=outer(detect_virt="kvm")), "warning", "not EPT", "-cpu host"
        ),
    ),
}


@pytest.mark.parametrize(("code", "strike"), each(STRIKES))
def test_it_strikes(code: str, strike: Strike) -> None:
    check(code, strike)


@pytest.mark.parametrize("code", STRIKES)
def test_a_good_machine_passes(code: str) -> None:
    assert content(code)


PASSES = [
    ("cpu.firmware-locked", full(**intel(feature_control=5, kvm=None))),
    ("cpu.firmware-locked", full(kvm=None, kernel_log=["x86/cpu: SGX disabled by BIOS."])),
    # the flag is away because the firmware has locked it: one cause, one error
    ("cpu.no-virtualization", full(cpu=cpu(), kvm=absent(), kernel_log=["kvm: disabled by bios"])),
    # what KVM did counts more than what files say
    ("cpu.no-virtualization", full(cpu=cpu())),
    ("cpu.firmware-locked", full(feature_control=1)),
    ("cpu.no-virtualization", full(arch="s390x", cpu=cpu("sie"))),
    ("cpu.no-second-level-paging", full(cpu={**cpu("vmx"), "vmx_flags": ["ept"]})),
]


@pytest.mark.parametrize(("code", "facts"), PASSES)
def test_it_passes(code: str, facts: Facts) -> None:
    assert content(code, facts)
