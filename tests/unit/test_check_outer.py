"""Checks of the hypervisor outside."""

from typing import Any

import pytest

from check_cases import Strike, Strikes, check, content, each
from facts_examples import absent, cpu, full, intel, outer
from nestlab.facts.model import Facts

BARE: dict[str, Any] = {"cpu": cpu("hypervisor"), "kvm": absent()}


def inside(vendor: str, product: str) -> Facts:
    """A guest without extensions, known by its DMI alone."""
    return full(**BARE, dmi={"sys_vendor": vendor, "product_name": product}, outer=None)


STRIKES: Strikes = {
    "outer.hypervisor": (
        Strike(
            inside("VMware, Inc.", "VMware7,1"), "warning", "guest of VMware", 'vhv.enable = "TRUE"'
        ),
        Strike(
            inside("innotek GmbH", "VirtualBox"), "warning", "VirtualBox", "--nested-hw-virt on"
        ),
        Strike(
            inside("Microsoft Corporation", "Virtual Machine"),
            "warning",
            "Hyper-V",
            "Set-VMProcessor -VMName NAME -ExposeVirtualizationExtensions $true",
        ),
        Strike(
            full(
                **BARE,
                dmi={
                    "sys_vendor": "Microsoft Corporation",
                    "product_name": "Virtual Machine",
                    "azure": True,
                },
            ),
            "warning",
            "Azure",
            "Dv3",
        ),
        Strike(full(**BARE, outer=outer(wsl=True)), "warning", "WSL2", "nestedVirtualization=true"),
        Strike(
            inside("Google", "Google Compute Engine"),
            "warning",
            "Google",
            "--enable-nested-virtualization",
        ),
        Strike(
            inside("Amazon EC2", "m5.large"), "warning", "AWS EC2", "NestedVirtualization=enabled"
        ),
        Strike(
            inside("OpenStack Foundation", "OpenStack Nova"), "warning", "OpenStack", "cpu_mode"
        ),
        Strike(inside("Xen", "HVM domU"), "warning", "Xen", "nestedhvm=1"),
        Strike(
            inside("Parallels International GmbH.", "Parallels"),
            "warning",
            "Parallels",
            "nested-virt",
        ),
        Strike(inside("QEMU", "Standard PC"), "warning", "guest of KVM", "host-passthrough"),
        Strike(full(**BARE, outer=outer(cpuid="XenVMMXenVMM")), "warning", "Xen"),
        Strike(full(**BARE, outer=outer(hypervisor="xen")), "warning", "Xen"),
        Strike(full(**BARE, outer=outer(cpuid="bhyve bhyve ")), "warning", "bhyve"),
        Strike(full(**BARE, outer=outer(detect_virt="apple")), "warning", "Apple"),
        Strike(full(**BARE, outer=outer(firmware="linux,kvm")), "warning", "KVM"),
        Strike(full(**BARE, outer=outer(firmware="z/VM 7.2.0")), "warning", "z/VM"),
        Strike(full(**BARE, outer=outer(detect_virt="powervm")), "warning", "PowerVM"),
        Strike(full(kvm=None, outer=outer(detect_virt="kvm")), "info", "shows the extensions"),
        Strike(
            full(kvm=None, cpu=None, outer=outer(detect_virt="kvm")),
            "info",
            "KVM",
            "host-passthrough",
        ),
    ),
    "outer.cannot-pass": (
        Strike(
            inside("Google", "Google Compute Engine"),
            "warning",
            "Intel machine types only",
            "Intel",
        ),
        Strike(inside("Amazon EC2", "c7g.large"), "warning", "type c7g cannot", ".metal"),
        Strike(
            full(**BARE, outer=outer(detect_virt="bhyve")),
            "warning",
            "bhyve passes no",
            "another host",
        ),
        Strike(
            full(
                arch="aarch64",
                kvm=absent(),
                cpu=None,
                modules=None,
                dmi={
                    "sys_vendor": "Microsoft Corporation",
                    "product_name": "Virtual Machine",
                    "azure": True,
                },
            ),
            "warning",
            "Arm sizes",
            "Dv3",
        ),
    ),
    "outer.emulated": (
        Strike(full(outer=outer(cpuid="TCGTCGTCGTCG")), "info", "TCG"),
        Strike(
            full(
                dmi={"sys_vendor": "QEMU", "product_name": "Standard PC"},
                outer=outer(detect_virt="qemu"),
            ),
            "info",
            "TCG",
        ),
    ),
    "outer.no-evmcs": (
        Strike(
            full(**intel(outer=outer(cpuid="Microsoft Hv", evmcs=False))),
            "info",
            "slower",
            "CONFIG_HYPERV",
        ),
    ),
    "outer.container": (Strike(full(outer=outer(container="lxc")), "info", "(lxc)"),),
}


@pytest.mark.parametrize(("code", "strike"), each(STRIKES))
def test_it_strikes(code: str, strike: Strike) -> None:
    check(code, strike)


@pytest.mark.parametrize("code", STRIKES)
def test_a_good_machine_passes(code: str) -> None:
    assert content(code)


PASSES = [
    ("outer.hypervisor", full(outer=outer(detect_virt="kvm"))),
    ("outer.hypervisor", full(dmi={"sys_vendor": "Amazon EC2", "product_name": "m5.metal"})),
    ("outer.hypervisor", full(dmi=None, outer=None)),
    ("outer.cannot-pass", inside("Amazon EC2", "m8i.large")),
    ("outer.cannot-pass", full(dmi={"sys_vendor": "Amazon EC2", "product_name": "m5.large"})),
    ("outer.emulated", full(dmi={"sys_vendor": "QEMU", "product_name": "Standard PC"})),
    ("outer.no-evmcs", full(**intel(outer=outer(cpuid="Microsoft Hv", evmcs=True)))),
    ("outer.no-evmcs", full(**intel(outer=outer(cpuid="Microsoft Hv", evmcs=None)))),
]


@pytest.mark.parametrize(("code", "facts"), PASSES)
def test_it_passes(code: str, facts: Facts) -> None:
    assert content(code, facts)
