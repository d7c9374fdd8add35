"""Checks of KVM's modules."""

import pytest

from check_cases import Strike, Strikes, check, content, each
from facts_examples import absent, cpu, full, intel, line, modules, outer
from nestlab.facts.model import Facts

STRIKES: Strikes = {
    "kvm.module-missing": (
        Strike(
            full(kvm=absent(), modules=modules(kvm_amd="absent")),
            "error",
            "no module kvm_amd",
            "linux-modules-extra",
        ),
        Strike(
            full(
                kvm=absent(),
                modules=modules(kvm_amd="absent"),
                os_release={"id": "fedora", "id_like": "", "version_id": "42"},
            ),
            "error",
            "kvm_amd",
            "sudo dnf install kernel-modules",
        ),
        Strike(
            full(kvm=absent(), modules=modules(kvm_amd="absent"), outer=outer(container="podman")),
            "error",
            "kvm_amd",
            "on the host",
        ),
    ),
    "kvm.blocked": (
        Strike(
            full(
                kvm=absent(),
                modules=modules(kvm_amd="available"),
                modprobe=[line("blacklist kvm-amd", number=3)],
            ),
            "error",
            "/etc/modprobe.d/kvm.conf:3 has `blacklist kvm-amd`",
            "sudo modprobe kvm_amd",
        ),
        Strike(
            full(
                kvm=absent(),
                modules=modules(kvm_amd="available"),
                modprobe=[line("install kvm /bin/false # no")],
            ),
            "error",
            "install kvm /bin/false",
            "take that line out of /etc/modprobe.d/kvm.conf",
        ),
    ),
    "kvm.built-in": (
        Strike(full(modules=modules(kvm_amd="builtin")), "info", "kernel command line"),
        Strike(
            full(modules=modules(kvm_amd="builtin"), modprobe=[line("options kvm_amd nested=1")]),
            "warning",
            "has no effect",
            "kvm_amd.nested=1",
        ),
    ),
    "kvm.wrong-module": (
        Strike(
            full(modules=modules(kvm_intel="loaded", kvm_amd="available")),
            "warning",
            "kvm_intel is loaded, but the CPU needs kvm_amd",
            "sudo modprobe kvm_amd",
        ),
        Strike(
            full(**intel(modules=modules(kvm_amd="loaded"))),
            "warning",
            "needs kvm_intel",
            "kvm_intel",
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
    ("kvm.blocked", full(modprobe=[line("blacklist kvm_amd")])),
    ("kvm.blocked", full(kvm=absent(), modules=None, modprobe=[line("blacklist nouveau")])),
    ("kvm.blocked", full(kvm=absent(), cpu=cpu(), modprobe=[line("blacklist kvm_amd")])),
    ("kvm.blocked", full(kvm=absent(), modules=None, modprobe=[line('options kvm_amd "nested=1')])),
    ("kvm.module-missing", full(modules=modules(kvm_amd="absent"))),
]


@pytest.mark.parametrize(("code", "facts"), PASSES)
def test_it_passes(code: str, facts: Facts) -> None:
    assert content(code, facts)
