"""Checks of `nested`."""

import pytest

from check_cases import Strike, Strikes, check, content, each
from facts_examples import cpu, full, intel, kvm, modules
from nestlab.facts.model import Facts

DEAF = kvm(vmx=False, svm=False).model_dump()

STRIKES: Strikes = {
    "kvm.arm-too-old": (
        Strike(
            full(arch="aarch64", kernel="6.12.9-arm64", kvm=None, cpu=None, nested={}),
            "error",
            "6.12.9",
            "6.16",
        ),
    ),
    "kvm.nested-disabled": (
        Strike(
            full(**intel(kvm=DEAF, nested={"kvm_intel": "N"}, parameters={})),
            "error",
            "(kvm_intel.nested=N)",
            "sudo modprobe -r kvm_intel && sudo modprobe kvm_intel nested=1",
        ),
        Strike(
            full(
                kvm=DEAF,
                nested={"kvm_amd": "0"},
                parameters={},
                user={"uid": 0, "gids": [0]},
                initramfs={"tool": "dracut", "image": "/boot/i", "has_kvm": True},
            ),
            "error",
            "(kvm_amd.nested=0)",
            "`modprobe -r kvm_amd && modprobe kvm_amd nested=1`; to keep it, put `options kvm_amd"
            " nested=1` into /etc/modprobe.d/nestlab.conf and run `dracut --force`",
        ),
        Strike(
            full(
                kvm=None,
                nested={"kvm_amd": "0"},
                parameters={},
                modules=modules(kvm_amd="builtin"),
                os_release={"id": "rocky", "id_like": "rhel centos fedora", "version_id": "9"},
            ),
            "error",
            "off",
            "sudo grubby --update-kernel=ALL --args=kvm_amd.nested=1",
        ),
        Strike(
            full(
                arch="aarch64",
                kernel="6.18.2-arm64",
                cpu=cpu(),
                nested={},
                modules=None,
                kvm=kvm(svm=None, vmx=None, capabilities={"ARM_EL2": 0}).model_dump(),
            ),
            "error",
            "no kvm-arm.mode=nested",
            "update-grub",
        ),
        Strike(
            full(
                arch="s390x",
                cpu=cpu("sie"),
                nested={"kvm": "0"},
                kvm=None,
                modules=modules(kvm="loaded"),
                parameters={"kvm": {"hpage": "1"}},
            ),
            "error",
            "kvm.nested=0",
            "nested=1 hpage=0",
        ),
        Strike(
            full(
                arch="ppc64le",
                cpu=cpu(),
                nested={"kvm_hv": "N"},
                modules=modules(kvm_hv="loaded"),
                kvm=kvm(
                    svm=None, vmx=None, guest_ran=None, capabilities={"PPC_NESTED_HV": 0}
                ).model_dump(),
            ),
            "error",
            "kvm_hv.nested=N",
            "kvm_hv nested=1",
        ),
    ),
    "kvm.huge-page-guests": (
        Strike(
            full(arch="s390x", parameters={"kvm": {"hpage": "1"}}), "warning", "hpage", "hpage=0"
        ),
    ),
    "kvm.migration": (Strike(full(), "info", "snapshot"),),
}


@pytest.mark.parametrize(("code", "strike"), each(STRIKES))
def test_it_strikes(code: str, strike: Strike) -> None:
    check(code, strike)


@pytest.mark.parametrize("code", STRIKES)
def test_a_good_machine_passes(code: str) -> None:
    assert content(code, full(**intel()))


PASSES = [
    ("kvm.arm-too-old", full(arch="aarch64", kernel="6.16.0", kvm=None)),
    (
        "kvm.arm-too-old",
        full(arch="aarch64", kernel="6.12.1", kernel_log=["kvm [1]: VHE+NV2 mode"], kvm=None),
    ),
    ("kvm.nested-disabled", full(nested={"kvm_amd": "N"}, parameters={})),
    ("kvm.nested-disabled", full(nested=None, parameters=None, kvm=None)),
    ("kvm.nested-disabled", full(nested={"kvm_amd": "y"}, parameters={}, kvm=None)),
    ("kvm.migration", full(**intel())),
]


@pytest.mark.parametrize(("code", "facts"), PASSES)
def test_it_passes(code: str, facts: Facts) -> None:
    assert content(code, facts)
