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
