"""The links of the chain, from the CPU to what a guest is offered: yes, no or unknown (pure).

Two kinds of evidence: `offers` is what happened when /dev/kvm was used, and decides alone;
`on_paper` is what files say, for an offline copy or when nobody was allowed to try.
"""

import re
from typing import Literal

from nestlab.check.parameters import is_on, running
from nestlab.check.versions import kernel_version
from nestlab.facts.model import Facts

Family = Literal["x86", "arm", "s390x", "power"]

_FAMILIES: dict[str, Family] = {
    "x86_64": "x86", "i686": "x86", "i386": "x86", "aarch64": "arm", "arm64": "arm",
    "s390x": "s390x", "ppc64": "power", "ppc64le": "power",
}  # fmt: skip
ARM_NESTED_SINCE = (6, 16, 0)
_BIOS = re.compile(r"disabled by bios|svm disabled|disabled \(by bios\)", re.IGNORECASE)
# arch/arm64/kvm/arm.c prints `VHE mode initialized successfully`, with `+NV2` where it can nest.
_EL2 = re.compile(r"VHE|Hyp mode initialized|started at EL2", re.IGNORECASE)
_NO_EL2 = re.compile(r"HYP mode not available|started at EL1", re.IGNORECASE)


def family(facts: Facts) -> Family | None:
    """What kind of processor; an x86 one is known by its flags when `uname -m` is not known."""
    if facts.arch is not None:
        return _FAMILIES.get(facts.arch)
    return "x86" if extension(facts) else None


def extension(facts: Facts) -> Literal["vmx", "svm"] | None:
    """The x86 flag that the processor shows."""
    flags = facts.cpu.flags if facts.cpu else ()
    if "svm" in flags:
        return "svm"
    return "vmx" if "vmx" in flags else None


def module_name(facts: Facts) -> str | None:
    """The module that makes /dev/kvm on this machine; None when the CPU does not tell."""
    match family(facts):
        case "x86":
            known = {"svm": "kvm_amd", "vmx": "kvm_intel", None: facts.nested_module}
            return known[extension(facts)]
        case "power":
            return "kvm_hv"
        case None:
            return facts.nested_module
        case _:
            return "kvm"


def offers(facts: Facts) -> bool | None:
    """Whether a guest would get VMX, SVM or the like, as KVM itself says; None: nobody asked.

    x86 needs a guest that ran *and* the extension in KVM_GET_SUPPORTED_CPUID, since a software
    KVM runs guests without any. Elsewhere KVM's own capability is the word: KVM_CAP_ARM_EL2 and
    KVM_CAP_PPC_NESTED_HV (Documentation/virt/kvm/api.rst); s390x gives SIE to guests when
    `kvm.nested` is 1.
    """
    kvm = facts.kvm
    if kvm is None or kvm.device is None:
        return None
    if kvm.device != "char" or kvm.open is False or (kvm.open and kvm.guest_ran is False):
        return False
    if kvm.open is None:
        return None
    match family(facts):
        case "arm":
            return _capability(facts, "ARM_EL2")
        case "power":
            return _capability(facts, "PPC_NESTED_HV")
        case "s390x":
            return None if nested_on(facts) is None else bool(nested_on(facts) and cpu_has(facts))
        case _:
            return kvm.passes_on if kvm.guest_ran else None


def cpu_has(facts: Facts) -> bool | None:
    """Whether the processor can host guests, as it shows itself to this kernel."""
    match family(facts):
        case "x86":
            return extension(facts) is not None if facts.cpu else None
        case "s390x":
            # the features of /proc/cpuinfo; `sie` is there when the machine may run guests
            return "sie" in facts.cpu.flags if facts.cpu else None
        case "arm" if logged(facts, _NO_EL2):
            return False
        case "arm" | "power":
            seen = logged(facts, _EL2) or module_ready(facts) or _has_device(facts)
            return True if seen else None
        case _:
            return None


def firmware_lock(facts: Facts) -> str | None:
    """The evidence that the firmware has virtualization off, or None.

    IA32_FEATURE_CONTROL: bit 0 locks it, bit 2 allows VMX outside SMX (Intel SDM vol. 3, 24.7).
    """
    if family(facts) != "x86":
        return None
    control = facts.feature_control
    intel = facts.cpu is None or facts.cpu.vendor == "GenuineIntel"
    if control is not None and intel and control & 1 and not control & 4:
        return f"IA32_FEATURE_CONTROL is {control:#x}: locked with VMX off"
    return logged(facts, _BIOS)


def module_ready(facts: Facts) -> bool | None:
    """Whether the module is loaded or built in."""
    name = module_name(facts)
    module = (facts.modules or {}).get(name or "")
    if module is None or module.state is None:
        return None
    return module.state in {"loaded", "builtin"}


def nested_on(facts: Facts) -> bool | None:
    """Whether KVM is set to give guests the extensions."""
    if family(facts) == "arm":
        return _arm_nested(facts)
    if family(facts) == "power" and _capability(facts, "PPC_NESTED_HV"):
        return True
    name = module_name(facts)
    return is_on(running(facts, name, "nested")) if name and facts.nested else facts.nested_on


def on_paper(facts: Facts) -> bool | None:
    """What files alone say of the whole chain: no when one link says no, yes when all say yes."""
    links = (cpu_has(facts), module_ready(facts), nested_on(facts))
    if firmware_lock(facts) or False in links:
        return False
    return True if None not in links else None


def logged(facts: Facts, pattern: re.Pattern[str]) -> str | None:
    """The first line of the kernel's log that matches."""
    return next((line for line in facts.kernel_log or () if pattern.search(line)), None)


def _arm_nested(facts: Facts) -> bool | None:
    capable = _capability(facts, "ARM_EL2")
    if capable or any("VHE+NV2" in line for line in facts.kernel_log or ()):
        return True
    number = kernel_version(facts)
    if capable is False or (number and number < ARM_NESTED_SINCE):
        return False
    asked = None if facts.cmdline is None else arm_mode_nested(facts)
    return False if asked is False else None


def arm_mode_nested(facts: Facts) -> bool:
    """Whether `kvm-arm.mode=nested` is among the words of the kernel command line."""
    return any(word.replace("_", "-") == "kvm-arm.mode=nested" for word in facts.cmdline or ())


def _capability(facts: Facts, name: str) -> bool | None:
    value = facts.kvm.capabilities.get(name) if facts.kvm else None
    return None if value is None else value > 0


def _has_device(facts: Facts) -> bool:
    return bool(facts.kvm and facts.kvm.device == "char")
