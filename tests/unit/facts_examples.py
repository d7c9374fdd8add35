"""Facts of machines that exist here or on paper."""

import json
from typing import Any

from nestlab.facts.kernel import Kvm
from nestlab.facts.model import Facts

SVM = ("svm", "npt", "constant_tsc")
VMX = ("vmx", "ept", "hypervisor")


def kvm(**changes: Any) -> Kvm:
    """A /dev/kvm that ran a guest and offers it SVM."""
    plain: dict[str, Any] = {
        "device": "char",
        "open": True,
        "api": 12,
        "guest_ran": True,
        "vmx": False,
        "svm": True,
        "signature": "KVMKVMKVM",
        "seconds": 0.002,
        "problem": None,
    }
    return Kvm.model_validate({**plain, **changes})


def document(**changes: Any) -> dict[str, Any]:
    """What the probe prints on an AMD machine whose guests can nest."""
    plain: dict[str, Any] = {
        "schema": "nestlab.facts/1",
        "kernel": "6.1.0-44-cloud-amd64",
        "arch": "x86_64",
        "cpu": {
            "vendor": "AuthenticAMD",
            "model": "AMD EPYC",
            "flags": list(SVM),
            "online": 2,
            "usable": [0, 1],
        },
        "os_release": {"id": "debian", "id_like": "", "version_id": "12"},
        "clocksource": {"current": "tsc", "available": ["tsc", "hpet"]},
        "memory": {"total": 8 << 30, "available": 6 << 30},
        "routes": ["0.0.0.0/0", "192.0.2.0/24"],
        "nested": {"kvm_amd": "1"},
        "dmi": {"sys_vendor": "QEMU", "product_name": "Standard PC (Q35 + ICH9, 2009)"},
        "queues": {"vda": ["0, 1"]},
        "kvm": kvm().model_dump(),
        "load": [0.1, 0.2, 0.3],
        "unknown": {},
    }
    return {**plain, **changes}


def facts(**changes: Any) -> Facts:
    """The same, read."""
    return Facts.model_validate_json(json.dumps(document(**changes)))


def cpu(*flags: str, usable: tuple[int, ...] = (0, 1)) -> dict[str, Any]:
    """A processor with these flags."""
    plain: dict[str, Any] = document()["cpu"]
    return {**plain, "flags": list(flags), "usable": list(usable), "online": len(usable)}


def full(**changes: Any) -> Facts:
    """A server with AMD's processor of which everything is known, and nothing is wrong."""
    known: dict[str, Any] = {
        "kernel": "7.3.1",
        "kernel_build": "#1 SMP",
        "cmdline": [],
        "vulnerabilities": {"l1tf": "Not affected", "itlb_multihit": "Not affected"},
        "kernel_log": [],
        "modules": modules(kvm="loaded", kvm_amd="loaded", kvm_intel="available"),
        "parameters": {
            "kvm": {"halt_poll_ns": "200000", "enable_virt_at_load": "Y"},
            "kvm_amd": {"nested": "1", "npt": "Y", "avic": "Y"},
        },
        "modprobe": [],
        "initramfs": {"tool": "update-initramfs", "image": "/boot/initrd.img", "has_kvm": False},
        "outer": outer(detect_virt="none", cpuid=""),
        "user": {"uid": 1000, "gids": [104, 1000]},
        "kvm": kvm(mode=0o660, uid=0, gid=104, group="kvm").model_dump(),
        "memory": {"total": 64 << 30, "available": 60 << 30},
        "paging": {
            "hugepages": {"2048": {"total": 512, "free": 512}},
            "thp": "madvise",
            "ksm": False,
        },
        "iommu": {"units": ["ivhd0"], "groups": {"1": [pci("0000:01:00.0", "0x010802")]}},
        "interfaces": [{"name": "eno1", "mtu": 1500, "default": True}],
        "entropy": {"available": 256, "rng": "tpm-rng-0"},
        "lsm": {"active": ["capability"], "apparmor": False, "selinux": None},
        "tools": {"qemu-system-x86_64": "10.0.2", "libvirtd": "11.0.0", "virsh": ""},
        "holders": [],
        "dmi": {"sys_vendor": "Supermicro", "product_name": "AS-1024US-TRT"},
    }
    return facts(**{**known, **changes})


def intel(**changes: Any) -> dict[str, Any]:
    """Changes that make an Intel server of `full`; the probe's word is VMX."""
    flags = ["vmx", "ept"]
    plain: dict[str, Any] = {
        "cpu": {
            **cpu(*flags),
            "vendor": "GenuineIntel",
            "vmx_flags": ["ept", "posted_intr", "shadow_vmcs"],
        },
        "modules": modules(kvm="loaded", kvm_intel="loaded", kvm_amd="available"),
        "nested": {"kvm_intel": "Y"},
        "parameters": {
            "kvm": {"halt_poll_ns": "200000"},
            "kvm_intel": {
                "nested": "Y",
                "ept": "Y",
                "unrestricted_guest": "Y",
                "enable_shadow_vmcs": "Y",
                "enable_apicv": "Y",
            },
        },
        "kvm": kvm(svm=False, vmx=True, mode=0o660, uid=0, gid=104, group="kvm").model_dump(),
    }
    return {**plain, **changes}


def absent(**changes: Any) -> dict[str, Any]:
    """A /dev/kvm that is not there, or what else nobody could open."""
    nothing = dict.fromkeys(("open", "api", "guest_ran", "vmx", "svm", "signature", "seconds"))
    return kvm(**{"device": "absent", **nothing, **changes}).model_dump()


def modules(**states: str) -> dict[str, Any]:
    """The modules of a kernel, by state."""
    return {name: {"state": state} for name, state in states.items()}


def outer(**changes: Any) -> dict[str, Any]:
    """Signs of a hypervisor outside; none unless they are given."""
    return {"cpuid": None, "detect_virt": None, **changes}


def pci(address: str, klass: str, driver: str | None = "nvme") -> dict[str, Any]:
    """A PCI device of an IOMMU group."""
    numbers = {"vendor": "0x144d", "device": "0xa808"}
    return {"address": address, "klass": klass, **numbers, "driver": driver}


def line(text: str, *, file: str = "/etc/modprobe.d/kvm.conf", number: int = 1) -> dict[str, Any]:
    """A line of modprobe.d."""
    return {"file": file, "line": number, "text": text}


def dropped(found: Facts, *names: str) -> Facts:
    """The same machine, of which less is known."""
    known = found.model_dump(mode="json", by_alias=True)
    return Facts.model_validate_json(json.dumps({**known, **dict.fromkeys(names)}))
