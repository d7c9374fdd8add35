"""Checks of contradictions."""

import pytest

from check_cases import Strike, Strikes, check, content, each
from facts_examples import full, line, modules
from nestlab.facts.model import Facts

INSIDE = {"tool": "update-initramfs", "image": "/boot/initrd.img", "has_kvm": True}


def virtualbox(at_load: str) -> Facts:
    """VirtualBox' module beside KVM, whose parameter reads so."""
    parameters = {"kvm": {"enable_virt_at_load": at_load}}
    return full(modules=modules(vboxdrv="loaded"), parameters=parameters)


STRIKES: Strikes = {
    "conflict.virtualbox": (
        Strike(
            full(modules=modules(vboxdrv="loaded"), parameters={}),
            "warning",
            "beside KVM",
            "one of them",
        ),
        Strike(
            virtualbox("Y"),
            "warning",
            "is on: VirtualBox before 7.2.10",
            "enable_virt_at_load=0` into",
        ),
        Strike(
            virtualbox("N"),
            "warning",
            "is off: VirtualBox 7.2.10 and later",
            "take `enable_virt_at_load=0` out",
        ),
    ),
    "conflict.vmware": (
        Strike(full(modules=modules(vmmon="loaded")), "warning", "vmmon", "one of them"),
    ),
    "conflict.modprobe": (
        Strike(
            full(
                modprobe=[
                    line("options kvm-amd nested=1"),
                    line("options kvm_amd nested=0", file="/etc/modprobe.d/zz.conf", number=2),
                ]
            ),
            "warning",
            "kvm.conf:1 says nested=1, /etc/modprobe.d/zz.conf:2 says nested=0",
            "zz.conf:2",
        ),
    ),
    "conflict.not-applied": (
        Strike(
            full(modprobe=[line("options kvm_amd nested=0")]),
            "warning",
            "runs with it on",
            "correct",
        ),
        Strike(
            full(
                nested={"kvm_amd": "0"},
                parameters={},
                modprobe=[line("options kvm_amd npt=1 nested=1")],
            ),
            "warning",
            "runs with it off",
            "modprobe kvm_amd nested=1",
        ),
    ),
    "conflict.command-line": (
        Strike(
            full(cmdline=["kvm-amd.nested=0"], modprobe=[line("options kvm_amd nested=1")]),
            "warning",
            "kvm_amd.nested=0",
            "off the kernel command line",
        ),
    ),
    "conflict.initramfs": (
        Strike(
            full(initramfs=INSIDE, modprobe=[line("options kvm_amd nested=1")]),
            "info",
            "initramfs",
            "sudo update-initramfs -u",
        ),
        Strike(
            full(initramfs=INSIDE, modprobe=[line("options kvm_amd nested=0")]),
            "warning",
            "initramfs",
            "update-initramfs",
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
    (
        "conflict.modprobe",
        full(modprobe=[line("options kvm_amd nested=1"), line("options kvm_amd nested=Y")]),
    ),
    ("conflict.not-applied", full(modprobe=[line("options kvm_amd nested=1")])),
    (
        "conflict.not-applied",
        full(modprobe=[line("options kvm_amd nested=0")], nested=None, parameters=None),
    ),
    (
        "conflict.command-line",
        full(cmdline=["kvm_amd.nested=1"], modprobe=[line("options kvm_amd nested=y")]),
    ),
    ("conflict.initramfs", full(initramfs=INSIDE)),
]


@pytest.mark.parametrize(("code", "facts"), PASSES)
def test_it_passes(code: str, facts: Facts) -> None:
    assert content(code, facts)
