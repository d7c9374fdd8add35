"""Copies of machines for the probe: small trees of files, and what the probe says about them."""

import contextlib
import io
import json
from collections.abc import Mapping
from pathlib import Path

from nestlab.facts.model import Facts
from nestlab.facts.probe.main import main

KERNEL = "6.1.0-31-amd64"

INTEL = """\
processor\t: 0
vendor_id\t: GenuineIntel
model name\t: Intel(R) Xeon(R) Gold 6230 CPU @ 2.10GHz
flags\t\t: fpu lm constant_tsc nonstop_tsc vmx ssse3 x2apic rdrand ept vpid
vmx flags\t: vnmi preemption_timer ept_ad shadow_vmcs

processor\t: 1
vendor_id\t: GenuineIntel
model name\t: Intel(R) Xeon(R) Gold 6230 CPU @ 2.10GHz
flags\t\t: fpu lm constant_tsc nonstop_tsc vmx ssse3 x2apic rdrand ept vpid

"""
ARM = """\
processor\t: 0
BogoMIPS\t: 50.00
Features\t: fp asimd evtstrm
CPU implementer\t: 0x41
CPU architecture: 8
CPU part\t: 0xd0c

"""
S390 = """\
vendor_id       : IBM/S390
# processors    : 2
bogomips per cpu: 3033.00
features\t: esan3 zarch stfle msa ldisp eimm dfp edat etf3eh highgprs te vx sie
facilities      : 0 1 2 3 4
processor 0: version = FF,  identification = 2733E8,  machine = 2964
processor 1: version = FF,  identification = 2733E8,  machine = 2964

cpu number      : 0
cpu MHz dynamic : 5000
"""
POWER = """\
processor\t: 0
cpu\t\t: POWER9 (architected), altivec supported
clock\t\t: 2200.000000MHz
revision\t: 2.2 (pvr 004e 1202)

timebase\t: 512000000
platform\t: pSeries
model\t\t: IBM pSeries (emulated by qemu)
MMU\t\t: Radix
"""

HEADING = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"

WHOLE = {
    "proc/cpuinfo": INTEL,
    "proc/meminfo": "MemTotal:       16384000 kB\nMemFree: 1 kB\nMemAvailable:    8192000 kB\n",
    "proc/cmdline": "BOOT_IMAGE=/vmlinuz root=/dev/sda1 kvm-intel.nested=0 secret=1 -- kvm.x=1\n",
    "proc/loadavg": "0.10 0.20 0.30 1/100 4242\n",
    "proc/modules": "kvm_intel 372736 0 - Live 0x0\nkvm 1126400 1 kvm_intel, Live 0x0\n",
    "proc/sys/kernel/osrelease": f"{KERNEL}\n",
    "proc/sys/kernel/version": "#1 SMP PREEMPT_DYNAMIC Debian 6.1.128-1 (2025-02-07)\n",
    "proc/sys/kernel/random/entropy_avail": "256\n",
    "proc/net/route": HEADING
    + "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
    + "eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
    + "virbr0\t007AA8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n",
    "etc/os-release": 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian"\n',
    "etc/group": "root:x:0:\nkvm:x:104:me\n",
    "etc/modprobe.d/kvm.conf": "# ours\noptions kvm_intel nested=0\n",
    "dev/kvm.ls": "crw-rw---- 1 root kvm 10, 232 Jan  1 00:00 /dev/kvm\n",
    "dmesg": "[    0.000000] Linux version 6.1.0 (builder)\n[    3.0] kvm: Nested paging enabled\n",
    "sys/module/kvm_intel/parameters/nested": "N\n",
    "sys/module/kvm_intel/parameters/ept": "Y\n",
    "sys/devices/system/clocksource/clocksource0/current_clocksource": "tsc\n",
    "sys/devices/system/clocksource/clocksource0/available_clocksource": "tsc hpet acpi_pm \n",
    "sys/devices/system/cpu/vulnerabilities/mds": "Not affected\n",
    "sys/class/dmi/id/sys_vendor": "QEMU\n",
    "sys/class/dmi/id/product_name": "Standard PC (Q35 + ICH9, 2009)\n",
    "sys/class/net/eth0/mtu": "1500\n",
    "sys/class/net/virbr0/mtu": "1500\n",
    "sys/class/iommu/dmar0/name": "",
    "sys/kernel/iommu_groups/1/devices/0000:01:00.0/class": "0x010802\n",
    "sys/kernel/iommu_groups/1/devices/0000:01:00.0/vendor": "0x8086\n",
    "sys/kernel/iommu_groups/1/devices/0000:01:00.0/device": "0x5845\n",
    "sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages": "8\n",
    "sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages": "3\n",
    "sys/kernel/mm/transparent_hugepage/enabled": "always [madvise] never\n",
    "sys/kernel/mm/ksm/run": "1\n",
    "sys/kernel/security/lsm": "lockdown,capability,apparmor\n",
    "sys/module/apparmor/parameters/enabled": "Y\n",
    "sys/block/vda/mq/0/cpu_list": "0, 1\n",
    f"lib/modules/{KERNEL}/modules.dep": "kernel/arch/x86/kvm/kvm-intel.ko: kernel/kvm.ko\n"
    "kernel/arch/x86/kvm/kvm.ko:\nkernel/drivers/vfio/pci/vfio-pci.ko.zst:\n",
    f"lib/modules/{KERNEL}/modules.builtin": "kernel/drivers/net/tun.ko\n",
    f"boot/initrd.img-{KERNEL}": "",
    f"boot/initrd.img-{KERNEL}.ls": "init\nusr/lib/modules/6.1/kernel/kvm/kvm-intel.ko.xz\n",
    "usr/bin/qemu-system-x86_64": "",
    "usr/sbin/update-initramfs": "",
    "var/lib/dpkg/status": "Package: qemu-system-x86\nStatus: install ok installed\n"
    "Version: 1:7.2+dfsg-7+deb12u12\n\nPackage: gone\nStatus: deinstall ok config-files\n",
}
"""A copy of an Intel machine whose nesting is off; everything that can be told is in it."""


def plant(root: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write the files below `root`."""
    for name, content in files.items():
        place = root / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def look(root: Path, *words: str) -> Facts:
    """What the probe prints about a copy, read as strictly as that of any machine."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        assert main(["--root", str(root), *words]) == 0
    names = {field.alias or name for name, field in Facts.model_fields.items()}
    found = json.loads(printed.getvalue())
    assert set(found) - {"unknown"} | set(found["unknown"]) == names - {"unknown"}
    assert not set(found) & set(found["unknown"])
    assert all(found["unknown"].values())
    assert str(root) not in printed.getvalue()
    return Facts.model_validate_json(printed.getvalue())


def facts_of(root: Path, files: Mapping[str, str | bytes], *words: str) -> Facts:
    """What the probe says about a copy that has these files alone."""
    return look(plant(root, files), *words)
