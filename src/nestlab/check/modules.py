"""KVM's modules: in the kernel, loaded, blocked, built in, of the right vendor."""

from nestlab.check.links import (
    cpu_has,
    extension,
    firmware_lock,
    module_name,
    module_ready,
    offers,
)
from nestlab.check.parameters import Setting, blocked, configured
from nestlab.check.remedy import distribution, kernel_word, root
from nestlab.check.rule import Rule, Seen, rule
from nestlab.facts.model import Facts

_KERNELS = {
    "debian": "install the package `linux-modules-extra-$(uname -r)` (Ubuntu), or boot a kernel of"
    " the distribution that has KVM",
    "fedora": "`{dnf}`, then load the module",
    "suse": "boot the package `kernel-default` rather than `kernel-default-base`",
    "alpine": "boot the package `linux-lts`; `linux-virt` is for guests",
}
_OTHER = {"kvm_intel": "kvm_amd", "kvm_amd": "kvm_intel"}


def state_of(facts: Facts, module: str | None) -> str | None:
    """`loaded`, `builtin`, `available`, `absent`, or None."""
    known = (facts.modules or {}).get(module or "")
    return known.state if known else None


def blocking(facts: Facts) -> Setting | None:
    """The line of modprobe.d that keeps KVM away, when it is not there."""
    name = module_name(facts)
    if name is None or module_ready(facts):
        return None
    return blocked(facts, name) or blocked(facts, "kvm")


def cannot_be(facts: Facts) -> bool:
    """Whether the reason why KVM is not there lies deeper than its modules."""
    return bool(offers(facts) or cpu_has(facts) is False or firmware_lock(facts))


@rule(
    "kvm.module-missing",
    meaning="The running kernel has no KVM module for this processor.",
    why="Without the module there is no /dev/kvm, whatever the processor can do.",
    remedy="Install the kernel's extra modules, or boot a kernel that has KVM.",
    source="Linux Documentation/virt/kvm; Ubuntu package linux-modules-extra",
)
def module_missing(facts: Facts) -> Seen | None:
    """Neither loaded, nor built in, nor among the files of /lib/modules."""
    name = module_name(facts)
    if cannot_be(facts) or state_of(facts, name) != "absent":
        return None
    advice = _KERNELS.get(distribution(facts), "boot a kernel of the distribution that has KVM")
    advice = advice.format(dnf=root(facts, "dnf install kernel-modules"))
    if facts.outer and facts.outer.container:
        advice = "a container has its host's kernel: load the module on the host"
    return Seen("error", f"the kernel {facts.kernel or ''} has no module {name}", advice)


@rule(
    "kvm.blocked",
    meaning="A line of modprobe.d keeps KVM's module from being loaded.",
    why="Somebody, often for VirtualBox' sake, decided that there shall be no /dev/kvm.",
    remedy="Take the line away if it is no longer wanted, then load the module.",
    source="modprobe.d(5): blacklist, install; phpvirtualbox issue 365",
)
def module_blocked(facts: Facts) -> Seen | None:
    """`blacklist` stops what loads by alias, `install … /bin/false` stops modprobe as well."""
    line = blocking(facts)
    if line is None or cannot_be(facts) or state_of(facts, module_name(facts)) == "absent":
        return None
    return Seen(
        "error",
        f"{module_name(facts)} is not loaded, and {line.place} has `{line.value}`",
        f"take that line out of {line.place.rpartition(':')[0]}, then"
        f" `{root(facts, f'modprobe {module_name(facts)}')}`",
    )


@rule(
    "kvm.built-in",
    meaning="KVM is built into the kernel, so that modprobe.d has no effect on it.",
    why="Options in modprobe.d look right and change nothing; a reload is impossible.",
    remedy="Put `MODULE.PARAMETER=VALUE` on the kernel command line and reboot.",
    source="microsoft/WSL issue 4193; Linux Documentation/admin-guide/kernel-parameters.rst",
)
def built_in(facts: Facts) -> Seen | None:
    """modules.builtin has it."""
    name = module_name(facts)
    if state_of(facts, name) != "builtin":
        return None
    what = f"{name} is built into the kernel: only the kernel command line has options for it"
    lines = configured(facts, name or "", "nested")
    if lines:
        moved = kernel_word(facts, f"{name}.nested={lines[-1].value}")
        return Seen("warning", f"{what}; {lines[-1].place} has no effect", moved)
    return Seen("info", what)


@rule(
    "kvm.wrong-module",
    meaning="The module of the other vendor is loaded.",
    why="kvm_intel serves Intel's processors and kvm_amd AMD's; the wrong one gives no /dev/kvm.",
    remedy="Load the module of this processor, and mend what loads the other one.",
    source="Linux Documentation/virt/kvm/x86/running-nested-guests.rst",
)
def wrong_module(facts: Facts) -> Seen | None:
    """It happens after a disk moved to another machine."""
    name = module_name(facts)
    other = _OTHER.get(name or "")
    if extension(facts) is None or other is None or state_of(facts, other) != "loaded":
        return None
    load = root(facts, f"modprobe {name}")
    return Seen("warning", f"{other} is loaded, but the CPU needs {name}", f"`{load}`")


RULES: tuple[Rule, ...] = (module_missing, module_blocked, built_in, wrong_module)
