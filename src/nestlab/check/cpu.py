"""The processor: virtualization extensions, the firmware's lock, second-level paging."""

from nestlab.check.hypervisors import recognise
from nestlab.check.links import (
    cpu_has,
    extension,
    family,
    firmware_lock,
    is_software,
    offers,
)
from nestlab.check.rule import Rule, Seen, rule
from nestlab.facts.model import Facts

_WHAT = {
    "x86": "VMX nor SVM",
    "arm": "EL2 nor VHE: the kernel was started at EL1",
    "s390x": "SIE, the facility that runs guests",
    "power": "hypervisor mode",
}


_GENERAL = (
    "enable virtualization in the firmware (Intel VT-x, AMD SVM); in a guest, give it the"
    " host's CPU (`-cpu host`, libvirt's host-passthrough) and nesting on its host"
)


@rule(
    "cpu.no-virtualization",
    meaning="The processor shows no virtualization extension to this system.",
    why="KVM cannot run a guest without it, at this level or any deeper one.",
    remedy="Enable it in the firmware; in a guest, give it the host's CPU and nesting on its host.",
    source="Linux Documentation/virt/kvm/x86/running-nested-guests.rst; kubevirt issue 1128",
)
def no_virtualization(facts: Facts) -> Seen | None:
    """x86 without VMX or SVM, Arm that was started at EL1, s390x without SIE."""
    if offers(facts) or is_software(facts):
        return None
    seen = cpu_has(facts)
    if seen:
        return Seen("ok", f"the CPU has {(extension(facts) or 'virtualization').upper()}")
    if seen is None:
        return _nothing_shows_it(facts)
    if firmware_lock(facts):
        return None  # the flag is missing because the kernel took it away: cpu.firmware-locked
    kind = family(facts) or "x86"
    lacks = "shows neither" if kind in {"x86", "arm"} else "does not show"
    device = facts.kvm.device if facts.kvm else None
    what = f"the CPU {lacks} {_WHAT[kind]}"
    if device == "absent":
        what = f"there is no /dev/kvm and {what}"
    return Seen("error", what, _advice(facts))


def _nothing_shows_it(facts: Facts) -> Seen | None:
    """Without a device, a processor that could not be read is no excuse."""
    absent = facts.kvm is not None and facts.kvm.device == "absent"
    if not absent or family(facts) != "x86":
        return None
    what = "there is no /dev/kvm, and what the CPU has could not be read"
    return Seen("error", what, _GENERAL)


def _advice(facts: Facts) -> str:
    outer = recognise(facts)
    if outer:
        return f"on its host, {outer.name}: {outer.switch}"
    if family(facts) == "arm":
        return "start the kernel at EL2: bare metal, or a host whose guests get EL2"
    return _GENERAL


@rule(
    "cpu.firmware-locked",
    meaning="The processor could virtualize, but the firmware has switched it off and locked that.",
    why="No software can unlock it before the next reset: KVM's module refuses to load.",
    remedy="Switch Intel VT-x or AMD SVM on in the firmware's set-up, then power off and on.",
    source="Intel SDM volume 3, 24.7 (IA32_FEATURE_CONTROL); Linux arch/x86/kernel/cpu/feat_ctl.c",
)
def firmware_locked(facts: Facts) -> Seen | None:
    """The MSR itself, or the kernel's complaint about it."""
    if offers(facts):
        return None
    evidence = firmware_lock(facts)
    if evidence is None:
        readable = facts.feature_control is not None and family(facts) == "x86"
        return Seen("ok", "the firmware does not lock virtualization") if readable else None
    outer = recognise(facts)
    switch = "switch Intel VT-x or AMD SVM on in the firmware's set-up, then power off and on"
    return Seen(
        "error",
        f"virtualization is locked by the firmware ({evidence})",
        f"on its host, {outer.name}: {outer.switch}" if outer else switch,
    )


@rule(
    "cpu.no-second-level-paging",
    meaning="The processor shows neither EPT nor NPT.",
    why="KVM then shadows page tables in software at every level: nested guests become very slow.",
    remedy="Use a CPU model that has EPT or NPT; in a guest, pass the host's CPU through.",
    source="Linux Documentation/virt/kvm/x86/mmu.rst",
)
def no_second_level_paging(facts: Facts) -> Seen | None:
    """EPT is among the flags or in `vmx flags`; NPT among the flags."""
    vendor = extension(facts)
    if vendor is None or facts.cpu is None:
        return None
    feature = {"vmx": "ept", "svm": "npt"}[vendor]
    if feature in facts.cpu.flags or feature in facts.cpu.vmx_flags:
        return Seen("ok", f"the CPU has {feature.upper()}")
    return Seen(
        "warning",
        f"the CPU has {vendor.upper()} but not {feature.upper()}",
        "give this guest the host's CPU (`-cpu host`, libvirt's host-passthrough)"
        if recognise(facts)
        else "use a processor with EPT or NPT",
    )


RULES: tuple[Rule, ...] = (no_virtualization, firmware_locked, no_second_level_paging)
