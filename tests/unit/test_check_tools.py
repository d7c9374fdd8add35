"""Checks of QEMU and libvirt."""

import pytest

from check_cases import Strike, Strikes, check, content, each
from facts_examples import full
from nestlab.facts.model import Facts


def os_release(name: str, like: str = "") -> dict[str, str]:
    return {"id": name, "id_like": like, "version_id": "1"}


STRIKES: Strikes = {
    "qemu.missing": (
        Strike(full(tools={}), "warning", "no QEMU", "sudo apt install qemu-system-x86 qemu-utils"),
        Strike(
            full(tools={"qemu-system-aarch64": "9.0"}, os_release=None),
            "warning",
            "no QEMU",
            "package manager",
        ),
        Strike(
            full(tools={}, arch="aarch64", os_release=os_release("alpine")),
            "warning",
            "no QEMU",
            "apk add qemu-system-aarch64",
        ),
        Strike(
            full(tools={}, os_release=os_release("cachyos", "arch")),
            "warning",
            "no QEMU",
            "pacman -S qemu-base",
        ),
        Strike(
            full(tools={}, os_release=os_release("opensuse-leap", "suse")),
            "warning",
            "no QEMU",
            "zypper install qemu-kvm",
        ),
    ),
    "qemu.old": (Strike(full(tools={"qemu-system-x86_64": "4.2.1"}), "warning", "4.2.1", "newer"),),
    "qemu.no-iothread-mapping": (Strike(full(tools={"qemu-kvm": "8.2.0"}), "info", "8.2.0"),),
    "qemu.tcg-svm": (Strike(full(tools={"qemu-system-x86_64": "7.2.13"}), "info", "TCG"),),
    "libvirt.missing": (
        Strike(full(tools={}), "info", "libvirt", "libvirt-daemon-system"),
        Strike(
            full(tools={}, os_release=os_release("fedora")),
            "info",
            "libvirt",
            "sudo dnf install libvirt virt-install",
        ),
    ),
    "libvirt.no-iothread-mapping": (Strike(full(tools={"libvirtd": "9.0.0"}), "info", "9.0.0"),),
}


@pytest.mark.parametrize(("code", "strike"), each(STRIKES))
def test_it_strikes(code: str, strike: Strike) -> None:
    check(code, strike)


@pytest.mark.parametrize("code", STRIKES)
def test_a_good_machine_passes(code: str) -> None:
    assert content(code)


PASSES = [
    ("qemu.missing", full(tools=None)),
    ("qemu.missing", full(arch="ppc64le", tools={"qemu-system-ppc64": ""})),
    ("qemu.old", full(tools={"qemu-system-x86_64": ""})),
    ("libvirt.missing", full(tools={"virsh": ""})),
    ("libvirt.missing", full(tools=None)),
]


@pytest.mark.parametrize(("code", "facts"), PASSES)
def test_it_passes(code: str, facts: Facts) -> None:
    assert content(code, facts)
