"""Checks of memory, IOMMU, clocks, entropy, security modules and networks."""

from typing import Any

import pytest

from check_cases import Strike, Strikes, check, content, each
from facts_examples import full, intel, outer, pci
from nestlab.facts.model import Facts

NONE: dict[str, Any] = {"units": [], "groups": {}}

STRIKES: Strikes = {
    "memory.low": (
        Strike(
            full(memory={"total": 4 << 30, "available": 2 << 30}),
            "warning",
            "only 2.0 GiB of 4.0 GiB",
            "end",
        ),
    ),
    "memory.no-huge-pages": (
        Strike(
            full(paging={"hugepages": {"2048": {"total": 0, "free": 0}}, "thp": None, "ksm": None}),
            "info",
            "no huge pages",
            "sysctl vm.nr_hugepages",
        ),
    ),
    "memory.ksm": (
        Strike(full(paging={"hugepages": {}, "thp": None, "ksm": True}), "info", "KSM", "ksm/run"),
    ),
    "memory.no-transparent-huge-pages": (
        Strike(
            full(paging={"hugepages": {}, "thp": "never", "ksm": None}),
            "warning",
            "never",
            "echo madvise",
        ),
    ),
    "iommu.off": (
        Strike(full(iommu=NONE), "info", "no IOMMU", "AMD-Vi"),
        Strike(
            full(**intel(iommu=NONE)),
            "info",
            "no IOMMU",
            "add `intel_iommu=on` to GRUB_CMDLINE_LINUX_DEFAULT",
        ),
        Strike(
            full(iommu=NONE, outer=outer(detect_virt="kvm")), "info", "no IOMMU", "caching-mode=on"
        ),
        Strike(full(iommu=NONE, cpu=None), "info", "no IOMMU", "firmware"),
    ),
    "iommu.groups": (
        Strike(
            full(
                iommu={
                    "units": ["dmar0"],
                    "groups": {"1": [pci("a", "0x010802"), pci("b", "0x030000")]},
                }
            ),
            "info",
            "no device is alone",
            "slot",
        ),
        Strike(
            full(
                iommu={
                    "units": ["dmar0"],
                    "groups": {
                        "1": [
                            pci("0000:00:01.0", "0x060400", "pcieport"),
                            pci("0000:01:00.0", "0x010802"),
                        ],
                        "2": [pci("0000:00:1f.0", "0x060100")],
                        "3": [pci("0000:02:00.0", "0x020000", None)],
                    },
                }
            ),
            "ok",
            "could be passed through: 0000:01:00.0 (144d:a808, nvme), 0000:02:00.0 (144d:a808)",
        ),
        Strike(
            full(
                iommu={
                    "units": ["dmar0"],
                    "groups": {str(n): [pci(f"0000:0{n}:00.0", "0x020000")] for n in range(8)},
                }
            ),
            "ok",
            "0000:04:00.0 (144d:a808, nvme) and 3 more",
        ),
    ),
    "clock.slow": (
        Strike(
            full(clocksource={"current": "hpet", "available": ["tsc", "hpet"]}),
            "warning",
            "hpet",
            "echo tsc >",
        ),
        Strike(
            full(clocksource={"current": "acpi_pm", "available": ["acpi_pm"]}),
            "warning",
            "acpi_pm",
            "tsc=reliable",
        ),
    ),
    "clock.tsc-unstable": (
        Strike(
            full(kernel_log=["tsc: Marking TSC unstable due to check_tsc_sync"]),
            "warning",
            "unstable",
            "invtsc",
        ),
    ),
    "entropy.low": (
        Strike(full(entropy={"available": 20, "rng": ""}), "warning", "only 20 bits", "rng-tools"),
        Strike(
            full(entropy={"available": 20, "rng": ""}, outer=outer(detect_virt="kvm")),
            "warning",
            "20",
            "virtio-rng-pci",
        ),
    ),
    "entropy.no-generator": (
        Strike(
            full(entropy={"available": 256, "rng": ""}, outer=outer(detect_virt="kvm")),
            "info",
            "generator",
            "virtio-rng",
        ),
    ),
    "security.apparmor": (
        Strike(
            full(lsm={"active": [], "apparmor": True, "selinux": None}),
            "info",
            "AppArmor",
            "images",
        ),
    ),
    "security.selinux": (
        Strike(
            full(lsm={"active": [], "apparmor": None, "selinux": "enforcing"}),
            "info",
            "SELinux",
            "restorecon",
        ),
    ),
    "network.default-taken": (
        Strike(
            full(routes=["0.0.0.0/0", "192.168.122.0/24"]),
            "warning",
            "192.168.122.0/24",
            "net-edit default",
        ),
        Strike(full(routes=["192.168.0.0/16"]), "warning", "192.168.0.0/16", "net-edit"),
    ),
    "network.mtu": (
        Strike(
            full(interfaces=[{"name": "ens3", "mtu": 1450, "default": True}]),
            "warning",
            "1450",
            "mtu size='1450'",
        ),
        Strike(full(interfaces=[{"name": "ens3", "mtu": 9000, "default": True}]), "info", "9000"),
    ),
    "facts.unknown": (
        Strike(
            full(unknown={"lsm": "no securityfs", "cpu": "?"}),
            "info",
            "cpu (?); lsm (no securityfs)",
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
    ("network.mtu", full(interfaces=[{"name": "br0", "mtu": 1280, "default": False}])),
    ("network.default-taken", full(routes=["0.0.0.0/0", "192.168.123.0/24"])),
    ("entropy.no-generator", full(entropy={"available": 256, "rng": ""})),
    ("iommu.groups", full(iommu=NONE)),
]


@pytest.mark.parametrize(("code", "facts"), PASSES)
def test_it_passes(code: str, facts: Facts) -> None:
    assert content(code, facts)
