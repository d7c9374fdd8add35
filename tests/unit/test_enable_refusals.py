"""What cannot be enabled, and what the user is told to do."""

from typing import Any

import pytest

from enable_players import ROOT, intel, line, other
from nestlab.enable.plan import plan_enable
from nestlab.enable.present import Present
from nestlab.enable.steps import Plan
from nestlab.errors import HostError
from nestlab.facts.model import Facts


def plan(facts: Facts) -> Plan:
    return plan_enable(facts, Present(), elevate=ROOT)


@pytest.mark.parametrize(
    ("facts", "code", "words"),
    [
        (intel(arch=None), "enable.unknown", "arch"),
        (intel(cpu=None), "enable.unknown", "cpu"),
        (intel(modules=None), "enable.unknown", "modules"),
        (intel(modules={"kvm_intel": {"state": None}}), "enable.unknown", "kvm_intel"),
        (intel(state="absent", nested={}), "enable.no-kvm", "no module kvm_intel"),
        (intel(nested={}), "enable.no-kvm", "no parameter"),
        (intel(arch="riscv64"), "enable.no-kvm", "riscv64"),
        (intel(cpu={**intel().model_dump()["cpu"], "flags": []}), "enable.no-kvm", "neither vmx"),
        (intel(state="builtin"), "enable.built-in", "built into the kernel"),
        (other("aarch64", "kvm", "", nested={}), "enable.built-in", "command line"),
        (intel(arch="aarch64", cmdline=None), "enable.unknown", "cmdline"),
        (intel(outer={"container": "lxc"}), "enable.container", "lxc"),
        (
            other("s390x", "kvm", "0", modprobe=[line("options kvm hpage=1")]),
            "enable.huge-pages",
            "hpage",
        ),
    ],
)
def test_what_cannot_be_enabled_says_why(facts: Facts, code: str, words: str) -> None:
    with pytest.raises(HostError) as caught:
        plan(facts)
    assert caught.value.code == code
    assert words in caught.value.message
    assert caught.value.hint


def test_arm_without_the_hardware_is_told_so() -> None:
    kvm = {**intel().model_dump()["kvm"], "capabilities": {"ARM_EL2": 0}}
    with pytest.raises(HostError, match=r"enable\.no-kvm"):
        plan(intel(arch="aarch64", cmdline=["kvm-arm.mode=nested"], kvm=kvm))


@pytest.mark.parametrize(
    ("changes", "command"),
    [
        ({}, "`update-grub`"),
        ({}, "/etc/kernel/cmdline"),
        ({"os_release": {"id": "rocky", "id_like": "rhel", "version_id": "9"}},
         '`grubby --update-kernel=ALL --args="kvm_intel.nested=1"`'),
        ({"os_release": {"id": "arch", "id_like": "", "version_id": ""}}, "grub-mkconfig"),
        ({"os_release": None, "tools": {"grubby": ""}}, "grubby"),
        ({"outer": {"wsl": True}}, "wsl --shutdown"),
    ],
)  # fmt: skip
def test_built_in_kvm_gets_the_boot_loader_s_command(changes: Any, command: str) -> None:
    with pytest.raises(HostError) as caught:
        plan(intel(state="builtin", **changes))
    assert command in (caught.value.hint or "")
    assert "kvm_intel.nested=1" in (caught.value.hint or "")
