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
# The words of kvm_intel, kvm_amd and arch/x86/kernel/cpu/feat_ctl.c, old and new. Not every
# "disabled by BIOS" is about virtualization: SGX has its own.
_BIOS = re.compile(
    r"\b(?:kvm\w*|vmx|svm)\b.*\b(?:disabled|not enabled)\b.*\bbios\b|\bsvm disabled\b",
    re.IGNORECASE,
)
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
    return _offered(facts)


def _offered(facts: Facts) -> bool | None:
    """What KVM said, once it could be opened."""
    match family(facts):
        case "arm":
            return _capability(facts, "ARM_EL2")
        case "power":
            return _capability(facts, "PPC_NESTED_HV")
        case "s390x":
            return None if nested_on(facts) is None else bool(nested_on(facts) and cpu_has(facts))
        case _:
            return facts.kvm.passes_on if facts.kvm and facts.kvm.guest_ran else None


def cpu_has(facts: Facts) -> bool | None:
    """Whether the processor can host guests, as it shows itself to this kernel."""
    kind = family(facts)
    if kind in {"x86", "s390x"}:
        # on s390x `sie` is among the features of /proc/cpuinfo when the machine may run guests
        shown = facts.cpu is not None and {"vmx", "svm", "sie"} & set(facts.cpu.flags)
        return bool(shown) if facts.cpu else None
    if kind is None:
        return None
    if kind == "arm" and logged(facts, _NO_EL2):
        return False
    return True if logged(facts, _EL2) or module_ready(facts) or has_device(facts) else None


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
    value = running(facts, name, "nested") if name else None
    if value is not None:
        return is_on(value)
    # the parameter of another vendor's module: its "off" is bad news, its "on" is none
    return False if facts.nested_on is False else None


def may_open(facts: Facts) -> bool | None:
    """Whether permissions let the user open /dev/kvm; without a user: anybody but root.

    What happened when it was opened counts more than its permissions.
    """
    kvm = facts.kvm
    if kvm is None or kvm.device != "char":
        return None
    if kvm.open is not None or kvm.mode is None:
        return kvm.open
    user = facts.user
    if kvm.mode & 0o006 == 0o006 or (user and user.uid == 0):
        return True
    by_group = kvm.mode & 0o060 == 0o060
    if user is None:
        return by_group and kvm.gid != 0
    owner = user.uid == kvm.uid and kvm.mode & 0o600 == 0o600
    return owner or (by_group and kvm.gid in user.gids)


def on_paper(facts: Facts) -> bool | None:
    """What files alone say of the whole chain: no when one link says no, yes when all say yes.

    A device that is not known to be there, or that nobody may open, never makes a yes.
    """
    links = (runs_on_paper(facts), nested_on(facts))
    if False in links:
        return False
    return True if None not in links else None


def runs_on_paper(facts: Facts) -> bool | None:
    """The same up to /dev/kvm: whether files say that KVM runs guests here."""
    there = True if has_device(facts) else None
    links = (cpu_has(facts), module_ready(facts), there, may_open(facts))
    if firmware_lock(facts) or is_software(facts) or False in links:
        return False
    return True if None not in links else None


def is_software(facts: Facts) -> bool:
    """Whether KVM runs guests without any extension of the processor.

    `kvm_pvm` is such a KVM (lore.kernel.org/kvm, "KVM: x86/PVM", 2024). So is whatever ran a
    guest on an x86 processor that shows neither VMX nor SVM, unless it offers one of them.
    """
    pvm = (facts.modules or {}).get("kvm_pvm")
    ran = facts.kvm is not None and facts.kvm.guest_ran is True
    bare = family(facts) == "x86" and cpu_has(facts) is False
    loaded = pvm is not None and pvm.state in {"loaded", "builtin"}
    return not offers(facts) and (loaded or (ran and bare))


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
    if facts.kvm is None or not has_device(facts) or not facts.kvm.open:
        return None  # nobody can have asked
    value = facts.kvm.capabilities.get(name)
    return None if value is None else value > 0


def has_device(facts: Facts) -> bool:
    """Whether /dev/kvm is there and is a character device."""
    return bool(facts.kvm and facts.kvm.device == "char")
