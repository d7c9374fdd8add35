"""Which switch this machine has, and how it stands: pure, from facts.

Sources: Linux Documentation/virt/kvm/x86/running-nested-guests.rst (kvm_intel, kvm_amd, kvm on
s390x); arch/s390/kvm/kvm-s390.c (`nested` and `hpage` exclude each other: the module does not
load with both); arch/powerpc/kvm/book3s_hv.c; Documentation/admin-guide/kernel-parameters.txt
(kvm-arm.mode=nested).
"""

from dataclasses import dataclass
from typing import Literal, NoReturn

from nestlab.enable.command_line import how_to_add
from nestlab.enable.settings import is_on, on_command_line, option
from nestlab.errors import HostError
from nestlab.facts.model import Facts

KvmModule = Literal["kvm_intel", "kvm_amd", "kvm_hv", "kvm"]

_X86 = {"x86_64", "i386", "i486", "i586", "i686"}
_ARM_WORD = "kvm-arm.mode=nested"


@dataclass(frozen=True)
class Target:
    """The module whose parameter `nested` decides.

    state   `loaded`, `builtin` or `available`
    now     whether it is on; None when the module is not loaded
    """

    module: KvmModule
    state: Literal["loaded", "builtin", "available"]
    now: bool | None


def find_target(facts: Facts) -> Target:
    """The switch of this machine (not Arm's, see `check_arm`).

    Raises HostError `enable.no-kvm`, `enable.unknown`.
    """
    name = _module(facts)
    if facts.modules is None:
        _unknown(facts, "modules")
    module = facts.modules.get(name)
    if module is None or module.state is None:
        _unknown(facts, "modules", f"the state of the module {name}")
    if module.state == "absent":
        raise HostError(
            "enable.no-kvm",
            f"the kernel {facts.kernel or 'of this machine'} has no module {name}",
            hint="boot a kernel of the distribution that has KVM (on Ubuntu, some need the package "
            "linux-modules-extra-$(uname -r))",
        )
    value = (facts.nested or {}).get(name, (facts.parameters or {}).get(name, {}).get("nested"))
    if module.state != "available" and value is None:
        if facts.nested is None:
            _unknown(facts, "nested")
        raise HostError(
            "enable.no-kvm",
            f"{name} of the kernel {facts.kernel or 'of this machine'} has no parameter `nested`",
            hint="boot a newer kernel",
        )
    return Target(name, module.state, None if value is None else is_on(value))


def is_arm(facts: Facts) -> bool:
    """Whether nesting is a matter of the kernel command line alone."""
    return facts.arch == "aarch64"


def check_arm(facts: Facts) -> None:
    """Return when nesting is on.

    Raises HostError: `enable.built-in` with the word that switches it on, `enable.no-kvm` when
    the word is there and KVM offers no EL2 all the same, `enable.unknown`.
    """
    if facts.cmdline is None:
        _unknown(facts, "cmdline")
    given = any(word.replace("_", "-") == _ARM_WORD for word in facts.cmdline)
    if not given:
        raise HostError(
            "enable.built-in",
            "on Arm only the kernel command line switches nesting on",
            hint=f"it needs a CPU with FEAT_NV2 and Linux 6.16 or later; {_add(_ARM_WORD, facts)}",
        )
    if facts.kvm and facts.kvm.capabilities.get("ARM_EL2") == 0:
        raise HostError(
            "enable.no-kvm",
            f"KVM offers guests no EL2 although the kernel was started with {_ARM_WORD}",
            hint="nesting on Arm needs a CPU with FEAT_NV2 and Linux 6.16 or later",
        )


def refuse_builtin(target: Target, facts: Facts) -> NoReturn:
    """Raise HostError `enable.built-in`: modprobe.d has no effect on what is in the kernel."""
    raise HostError(
        "enable.built-in",
        f"{target.module} is built into the kernel, so no file of modprobe.d concerns it",
        hint=_add(f"{target.module}.nested=1", facts),
    )


def refuse_huge_pages(target: Target, facts: Facts) -> None:
    """Raise HostError `enable.huge-pages` where `nested=1` would keep s390's KVM from loading."""
    if target.module != "kvm":
        return
    now = (facts.parameters or {}).get("kvm", {}).get("hpage", "")
    places = [
        f"{line.file}:{line.line}"
        for line in facts.modprobe or ()
        if option("kvm", line, "hpage") is True
    ]
    if on_command_line("kvm", facts.cmdline or (), "hpage"):
        places.append("the kernel command line")
    if places or is_on(now):
        raise HostError(
            "enable.huge-pages",
            "kvm.hpage is on, and s390x' KVM does not load with both huge pages and nesting",
            hint=f"remove hpage=1 ({', '.join(places) or 'it was given by hand'}) first",
        )


def _module(facts: Facts) -> KvmModule:
    if facts.arch is None:
        _unknown(facts, "arch")
    if facts.arch == "s390x":
        return "kvm"
    if facts.arch in {"ppc64", "ppc64le"}:
        return "kvm_hv"
    if facts.arch not in _X86:
        message = f"nestlab knows no nested KVM for the architecture {facts.arch}"
        raise HostError("enable.no-kvm", message, hint="see `nestlab doctor`")
    if facts.cpu is None:
        _unknown(facts, "cpu")
    if "vmx" in facts.cpu.flags:
        return "kvm_intel"
    if "svm" in facts.cpu.flags:
        return "kvm_amd"
    raise HostError(
        "enable.no-kvm",
        "this CPU shows neither vmx nor svm, so there is nothing to switch on here",
        hint="switch virtualization on in the firmware; in a guest, enable nesting on its host and "
        "give the guest the host's CPU model; `nestlab doctor` says which link is broken",
    )


def _add(word: str, facts: Facts) -> str:
    steps = how_to_add(word, facts)
    return steps[0].upper() + steps[1:] if steps.startswith("add") else steps


def _unknown(facts: Facts, fact: str, what: str | None = None) -> NoReturn:
    reason = facts.unknown.get(fact)
    raise HostError(
        "enable.unknown",
        f"{what or f'the fact `{fact}`'} is not known, so nothing can be decided",
        hint="see `nestlab doctor` for what could not be read, and why",
        notes=(f"{fact}: {reason}",) if reason else (),
    )
