"""Which accelerator a guest gets, and why (pure)."""

from dataclasses import dataclass
from typing import Literal

from nestlab.errors import HostError
from nestlab.facts.kernel import Kvm
from nestlab.facts.model import Facts

Wanted = Literal["auto", "kvm", "tcg"]


@dataclass(frozen=True)
class Accelerator:
    """QEMU's name for it, and the reason in words for the user."""

    name: Literal["kvm", "tcg"]
    why: str

    @property
    def emulated(self) -> bool:
        """Whether figures taken with it are emulation."""
        return self.name == "tcg"


def choose_accelerator(facts: Facts, wanted: Wanted, *, path: str) -> Accelerator:
    """KVM only where a guest ran with it *and* it offers VMX or SVM; else TCG, with the reason.

    `kvm` never falls back: it raises HostError with the first broken link of the chain
    CPU flag → module → `nested` → /dev/kvm → a guest ran → VMX or SVM offered.
    """
    if wanted == "tcg":
        return Accelerator("tcg", "TCG was asked for")
    broken = broken_link(facts, path=path)
    if broken is None:
        extension = "SVM" if facts.kvm and facts.kvm.svm else "VMX"
        return Accelerator("kvm", f"a guest ran with KVM and is offered {extension}")
    if wanted == "kvm":
        raise broken
    return Accelerator("tcg", broken.message)


def broken_link(facts: Facts, *, path: str) -> HostError | None:
    """The first reason why guests of this machine cannot nest under KVM, or None."""
    if facts.kvm is None or facts.kvm.device is None:
        return _unknown(facts, path)
    if facts.kvm.device == "other":
        return _not_a_device(path)
    if facts.kvm.device == "absent":
        return _no_device(facts, path)
    return _device_refuses(facts.kvm, path) or _not_offered(facts, facts.kvm, path)


def _unknown(facts: Facts, path: str) -> HostError:
    """Nobody could look: that is not the same as no device."""
    reason = facts.kvm.problem if facts.kvm else facts.unknown.get("kvm")
    said = f": {reason}" if reason else ""
    return _broken(
        "kvm.unknown",
        f"/dev/kvm of {path} could not be probed{said}",
        path,
        "look at it there: `ls -ld /dev /dev/kvm`",
    )


def _not_a_device(path: str) -> HostError:
    """A file that somebody wrote, or the folder that a container's bind mount made."""
    return _broken(
        "kvm.not-a-device",
        f"/dev/kvm of {path} is a file or a folder, not a character device",
        path,
        # major 10, minor 232: Linux Documentation/admin-guide/devices.txt
        "remove it and make the device: `sudo rm -r /dev/kvm && sudo mknod -m 660 /dev/kvm c 10 232"
        " && sudo chgrp kvm /dev/kvm`; start a container with `--device /dev/kvm`",
    )


def _no_device(facts: Facts, path: str) -> HostError:
    flags = facts.cpu.flags if facts.cpu else ()
    extension = next((flag for flag in ("svm", "vmx") if flag in flags), None)
    if extension is None:
        return _broken(
            "cpu.no-virtualization",
            f"{path} has no /dev/kvm and its CPU shows neither VMX nor SVM",
            path,
            "enable virtualization in the firmware; in a guest, give it the host's CPU"
            " (`-cpu host`, libvirt's host-passthrough) and nesting on its host",
        )
    module = "kvm_amd" if extension == "svm" else "kvm_intel"
    return _broken(
        "kvm.no-device",
        f"{path} has no /dev/kvm although its CPU has {extension.upper()}",
        path,
        f"load the module: `sudo modprobe {module}`",
    )


def _device_refuses(kvm: Kvm, path: str) -> HostError | None:
    if not kvm.open:
        return _broken(
            "kvm.not-openable",
            f"/dev/kvm of {path} cannot be opened: {kvm.problem}",
            path,
            "join its group: `sudo usermod -aG kvm $USER`, then log in again",
        )
    if not kvm.guest_ran:
        return _broken(
            "kvm.no-guest",
            f"/dev/kvm of {path} opens but runs no guest: {kvm.problem}",
            path,
            "read `dmesg | grep -i kvm` there; another hypervisor may hold the extensions",
        )
    return None


def _not_offered(facts: Facts, kvm: Kvm, path: str) -> HostError | None:
    if kvm.passes_on:
        return None
    if facts.nested_on is False:
        module = facts.nested_module
        value = (facts.nested or {}).get(module or "")
        return _broken(
            "kvm.nested-disabled",
            f"nested virtualization is off on {path} ({module}.nested={value})",
            path,
            f"with no guest running: `sudo modprobe -r {module} && sudo modprobe {module} nested=1`"
            f"; to keep it, put `options {module} nested=1` into /etc/modprobe.d/nestlab.conf",
        )
    return _broken(
        "kvm.cannot-nest",
        f"KVM of {path} runs guests but offers them neither VMX nor SVM",
        path,
        "leave out --accel kvm: TCG emulates SVM here, and the lab is labelled emulated",
    )


def _broken(code: str, message: str, path: str, hint: str | None) -> HostError:
    return HostError(code, message, where=f"{path}, while promoting it", hint=hint)
