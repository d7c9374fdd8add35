"""What the probe tells of the hypervisor around a machine and of the kernel's log, from copies."""

from pathlib import Path

import pytest

from nestlab.facts.model import Outer
from probe_trees import S390, WHOLE, facts_of

BOOT = "[    0.000000] Linux version 6.1.0 (builder@secret) #1\n"

HOMES = "/home"


def outer(root: Path, files: dict[str, str | bytes]) -> Outer:
    found = facts_of(root, files).outer
    assert found
    return found


@pytest.mark.parametrize(
    ("files", "changes"),
    [
        ({}, {}),
        ({"systemd-detect-virt": "kvm\n"}, {"detect_virt": "kvm"}),
        ({"systemd-detect-virt": "none\n"}, {"detect_virt": "none"}),
        ({"systemd-detect-virt": "sh: not found\n"}, {}),
        ({"sys/hypervisor/type": "xen\n"}, {"hypervisor": "xen"}),
        ({"proc/device-tree/hypervisor/compatible": b"linux,kvm\0"}, {"firmware": "linux,kvm"}),
        (
            {"proc/sysinfo": "LPAR Name: X\nVM00 Control Program: KVM/Linux       \n"},
            {"firmware": "KVM/Linux"},
        ),
        (
            {"proc/sys/kernel/osrelease": "5.15.153.1-microsoft-standard-WSL2\n"},
            {"wsl": True},
        ),
        ({"run/systemd/container": "lxc\n"}, {"container": "lxc"}),
        ({".dockerenv": ""}, {"container": "docker"}),
        ({"run/.containerenv": ""}, {"container": "podman"}),
        ({"proc/1/environ": b"PATH=/bin\0container=incus\0"}, {"container": "incus"}),
        ({"proc/1/environ": b"PATH=/bin\0xcontainer=incus\0"}, {}),
    ],
)
def test_signs(tmp_path: Path, files: dict[str, str | bytes], changes: dict[str, object]) -> None:
    assert outer(tmp_path, files) == Outer.model_validate(changes)


@pytest.mark.parametrize(
    ("log", "evmcs"),
    [
        (BOOT + "[ 3.0] kvm: KVM: vmx: using Hyper-V Enlightened VMCS\n", True),
        ("[    0.1] Hyper-V: Nested features: 0x120000\n", True),
        (BOOT, False),
        ("[ 9999.0] kvm: the beginning of this log is gone\n", None),
        ("", None),
    ],
)
def test_enlightened_vmcs(tmp_path: Path, log: str, evmcs: bool | None) -> None:
    assert outer(tmp_path, {"dmesg": log}).evmcs is evmcs


def test_only_what_concerns_nesting_is_kept_of_the_log(tmp_path: Path) -> None:
    log = (
        BOOT
        + "[    0.0] Command line: root=/dev/sda password=x kvm-intel.nested=1\n"
        + "[    0.0] Kernel command line: password=x kvm-intel.nested=1\n"
        + "<6>[    1.0] x86/cpu: VMX (outside TXT) disabled by BIOS\n"
        + "[    1.5] eth0: link up\n"
        + "[    2.0] DMAR: IOMMU enabled " + "x" * 1000 + "\n"
    )  # fmt: skip
    found = facts_of(tmp_path, {"var/log/dmesg": log}).kernel_log
    assert found
    assert found[0] == "[    1.0] x86/cpu: VMX (outside TXT) disabled by BIOS"
    assert [line[:15] for line in found] == ["[    1.0] x86/c", "[    2.0] DMAR:"]
    assert len(found[1]) == 400


@pytest.mark.parametrize("level", ["EL1", "EL2"])
def test_where_arm_s_processors_started_is_kept(tmp_path: Path, level: str) -> None:
    line = f"[    0.071533] CPU: All CPU(s) started at {level}"
    files = {"dmesg": f"{BOOT}[    0.07] CPU: 2 CPUs online\n{line}\n"}
    assert facts_of(tmp_path, files).kernel_log == (line,)


def test_of_a_long_log_the_beginning_and_the_end_are_kept(tmp_path: Path) -> None:
    log = "".join(f"kvm: {number}\n" for number in range(1000))
    found = facts_of(tmp_path, {"dmesg": log}).kernel_log
    assert found
    assert (len(found), found[0], found[99], found[100], found[-1]) == (
        200, "kvm: 0", "kvm: 99", "kvm: 900", "kvm: 999",
    )  # fmt: skip


def test_an_anonymous_log(tmp_path: Path) -> None:
    log = (
        "kvm: myhost said hello to myhost.example.com at 203.0.113.7 and fe80:0:0:1::2\n"
        "vboxnet0: 52:54:00:ab:cd:ef 4dea22b3-1d52-d8f3-2516-782e98ab3fa0 serial=AB12\n"
        "pci 0000:00:1f.0: Adding to iommu group 7\n"
        f"audit: apparmor denied kvm {HOMES}/maria/disk.img\n"
    )
    files = {"dmesg": log, "etc/hostname": "myhost.lab\n"}
    found = facts_of(tmp_path, files, "--anonymous").kernel_log
    assert found == (
        "kvm: HOST said hello to HOST at ADDRESS and ADDRESS",
        "vboxnet0: MAC UUID serial=SERIAL",
        "pci 0000:00:1f.0: Adding to iommu group 7",
        f"audit: apparmor denied kvm {HOMES}/USER/disk.img",
    )


def test_without_a_log_there_is_a_reason(tmp_path: Path) -> None:
    found = facts_of(tmp_path, {"proc/cpuinfo": S390})
    assert found.kernel_log is None
    assert "/var/log/dmesg" in found.unknown["kernel_log"]


def test_a_copy_that_names_its_host_keeps_it_to_itself(tmp_path: Path) -> None:
    files = {**WHOLE, "etc/hostname": "maria-laptop\n", "dmesg": "kvm on maria-laptop\n"}
    assert "maria" not in facts_of(tmp_path, files, "--anonymous").model_dump_json()
