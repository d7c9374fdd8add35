"""What the probe reads of processors, firmware, memory and networks, from copies."""

from pathlib import Path

import pytest

from probe_trees import ARM, HEADING, INTEL, POWER, S390, WHOLE, facts_of

AZURE = "7783-7084-3265-9085-8269-3286-77"


def test_an_intel_processor(tmp_path: Path) -> None:
    cpu = facts_of(tmp_path, {"proc/cpuinfo": INTEL}).cpu
    assert cpu
    assert cpu.vendor == "GenuineIntel"
    assert set(cpu.flags) == {
        "vmx", "ept", "vpid", "constant_tsc", "nonstop_tsc", "x2apic", "rdrand",
    }  # fmt: skip
    assert cpu.vmx_flags == ("vnmi", "preemption_timer", "ept_ad", "shadow_vmcs")
    assert (cpu.online, cpu.usable) == (2, (0, 1))


@pytest.mark.parametrize(
    ("text", "arch", "vendor", "model", "flags", "online"),
    [
        (ARM, "aarch64", "0x41", "0xd0c", (), 1),
        (S390, "s390x", "IBM/S390", "2964", ("sie",), 2),
        (POWER, "ppc64le", "pSeries", "POWER9 (architected), altivec supported", (), 1),
    ],
)
def test_other_processors(
    tmp_path: Path,
    text: str,
    arch: str,
    vendor: str,
    model: str,
    flags: tuple[str, ...],
    online: int,
) -> None:
    found = facts_of(tmp_path, {"proc/cpuinfo": text})
    assert found.arch == arch
    assert found.cpu
    assert (found.cpu.vendor, found.cpu.model) == (vendor, model)
    assert (found.cpu.flags, found.cpu.online) == (flags, online)


@pytest.mark.parametrize("cut", range(0, 140, 7))
def test_a_processor_that_was_cut_is_unknown(tmp_path: Path, cut: int) -> None:
    """Before its line of flags is whole nobody may say that VMX is not there."""
    assert cut < INTEL.index("vmx")
    found = facts_of(tmp_path, {"proc/cpuinfo": INTEL[:cut]})
    assert found.cpu is None
    assert "says nothing about a processor" in found.unknown["cpu"]


@pytest.mark.parametrize(
    ("files", "arch"),
    [
        ({"proc/sys/kernel/arch": "riscv64\n"}, "riscv64"),
        ({"uname": "Linux host 6.1.0 #1 SMP ppc64 GNU/Linux\n"}, "ppc64"),
        ({"proc/cpuinfo": INTEL.replace(" lm ", " ")}, None),
        ({"proc/cpuinfo": ARM.replace(": 8", ": 7")}, None),
        ({"proc/sys/kernel/arch": "\0\1"}, None),
    ],
)
def test_the_architecture_is_told_not_guessed(
    tmp_path: Path, files: dict[str, str], arch: str | None
) -> None:
    assert facts_of(tmp_path, files).arch == arch


def test_the_kernel_from_its_version_file(tmp_path: Path) -> None:
    text = "Linux version 6.8.0-45-generic (b@h) (gcc) #45-Ubuntu SMP PREEMPT_DYNAMIC Fri\n"
    found = facts_of(tmp_path, {"proc/version": text})
    assert found.kernel == "6.8.0-45-generic"
    assert found.kernel_build == "#45-Ubuntu SMP PREEMPT_DYNAMIC Fri"


def test_firmware(tmp_path: Path) -> None:
    base = "sys/class/dmi/id/"
    found = facts_of(
        tmp_path,
        {
            base + "sys_vendor": "Microsoft Corporation\n",
            base + "chassis_asset_tag": AZURE + "\n",
            base + "product_serial": "1234\n",
        },
    )
    assert found.dmi
    assert (found.dmi.sys_vendor, found.dmi.product_name) == ("Microsoft Corporation", "")
    assert found.dmi.azure
    assert "1234" not in found.model_dump_json()


def test_paging_entropy_and_security(tmp_path: Path) -> None:
    found = facts_of(
        tmp_path,
        {
            **WHOLE,
            "sys/class/misc/hw_random/rng_current": "none\n",
            "etc/selinux/config": "SELINUX=disabled\n",
        },
    )
    assert found.paging
    assert (found.paging.hugepages[2048].total, found.paging.hugepages[2048].free) == (8, 3)
    assert (found.paging.thp, found.paging.ksm) == ("madvise", True)
    assert found.entropy
    assert (found.entropy.available, found.entropy.rng) == (256, "")
    assert found.lsm
    assert found.lsm.active == ("lockdown", "capability", "apparmor")
    assert (found.lsm.apparmor, found.lsm.selinux) == (True, "disabled")


def test_groups_of_devices(tmp_path: Path) -> None:
    device = tmp_path / "sys/kernel/iommu_groups/1/devices/0000:01:00.0"
    device.mkdir(parents=True)
    (device / "driver").symlink_to("../../../../../bus/pci/drivers/nvme")
    iommu = facts_of(tmp_path, WHOLE).iommu
    assert iommu
    assert iommu.units == ("dmar0",)
    (found,) = iommu.groups["1"]
    assert (found.address, found.klass, found.driver) == ("0000:01:00.0", "0x010802", "nvme")
    assert (found.vendor, found.device) == ("0x8086", "0x5845")


def test_no_more_than_512_devices(tmp_path: Path) -> None:
    for number in range(600):
        (tmp_path / f"sys/kernel/iommu_groups/{number}/devices/d{number}").mkdir(parents=True)
    iommu = facts_of(tmp_path, {"sys/class/iommu/dmar0/name": ""}).iommu
    assert iommu
    assert sum(map(len, iommu.groups.values())) == 512


@pytest.mark.parametrize("lost", ["sys/class/iommu/", "sys/kernel/iommu_groups/"])
def test_a_copy_without_the_folders_of_iommus_has_not_none(tmp_path: Path, lost: str) -> None:
    files = {name: text for name, text in WHOLE.items() if not name.startswith(lost)}
    found = facts_of(tmp_path, files)
    assert found.iommu is None
    assert lost.rstrip("/") in found.unknown["iommu"]


@pytest.mark.parametrize(
    ("files", "known"),
    [
        ({"proc/version": ""}, False),
        ({"sys/kernel/security/tpm0/x": ""}, True),
        ({"sys/fs/selinux/enforce": "0"}, True),
        ({"sys/module/apparmor/parameters/enabled": "N"}, True),
        ({"etc/selinux/config": "SELINUX=disabled"}, True),
    ],
)
def test_security_modules_are_unknown_without_their_folders(
    tmp_path: Path, files: dict[str, str], known: bool
) -> None:
    found = facts_of(tmp_path, files)
    assert (found.lsm is not None) is known
    assert ("lsm" in found.unknown) is not known


def test_routes_and_interfaces(tmp_path: Path) -> None:
    found = facts_of(tmp_path, WHOLE)
    assert found.interfaces
    assert [(each.name, each.mtu, each.default) for each in found.interfaces] == [
        ("eth0", 1500, True),
        ("virbr0", 1500, False),
    ]
    assert [str(route) for route in found.routes or ()] == [
        "0.0.0.0/0", "192.0.2.0/24", "192.168.122.0/24",
    ]  # fmt: skip


def test_only_private_routes_are_anonymous(tmp_path: Path) -> None:
    routes = facts_of(tmp_path, WHOLE, "--anonymous").routes
    assert [str(route) for route in routes or ()] == ["0.0.0.0/0", "192.168.122.0/24"]


def test_routes_of_a_big_endian_machine(tmp_path: Path) -> None:
    line = "enc1\tC0A87A00\t00000000\t0001\t0\t0\t0\tFFFFFF00\t0\t0\t0\n"
    found = facts_of(tmp_path, {"proc/cpuinfo": S390, "proc/net/route": HEADING + line})
    assert [str(route) for route in found.routes or ()] == ["192.168.122.0/24"]


@pytest.mark.parametrize(
    "table",
    [
        "",
        "eth0\t0",
        HEADING + "eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FF",
        HEADING + "eth0\t000200C0\n",
        HEADING + "eth0\t010200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n",
        HEADING + "eth0\t00000000\t00000000\t0001\t0\t0\t0\t00FF00FF\t0\t0\t0\n",
    ],
)
def test_a_table_of_routes_that_makes_no_sense_is_unknown(tmp_path: Path, table: str) -> None:
    found = facts_of(tmp_path, {"proc/net/route": table})
    assert found.routes is None
    assert "/proc/net/route" in found.unknown["routes"]
