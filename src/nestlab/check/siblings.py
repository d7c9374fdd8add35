"""Other parameters of KVM that make nested guests slow or impossible."""

from nestlab.check.links import extension, family, offers
from nestlab.check.parameters import is_on, running
from nestlab.check.remedy import root, set_parameter
from nestlab.check.rule import Rule, Seen, Severity, rule
from nestlab.facts.model import Facts

_HALT_POLL_LIMIT = 1_000_000  # ns; distributions have 200 000 (x86), 500 000 (Arm)
_PARAMETERS = "Linux Documentation/admin-guide/kernel-parameters.txt"


def _switch(facts: Facts, module: str, name: str, severity: Severity, effect: str) -> Seen | None:
    """A bool that should be on; nothing when the module has no such parameter."""
    on = is_on(running(facts, module, name))
    if on is None:
        return None
    if on:
        return Seen("ok", f"{module}.{name} is on")
    return Seen(
        severity, f"{module}.{name} is off: {effect}", set_parameter(facts, module, f"{name}=1")
    )


@rule(
    "kvm.second-level-paging-off",
    meaning="KVM was told not to use EPT or NPT.",
    why="It shadows page tables instead; with nesting each of the guest's page faults costs exits.",
    remedy="Load kvm_intel with ept=1, kvm_amd with npt=1.",
    source=f"{_PARAMETERS}: kvm-intel.ept, kvm-amd.npt",
)
def second_level_paging_off(facts: Facts) -> Seen | None:
    """`ept` of kvm_intel, `npt` of kvm_amd."""
    vendor = extension(facts)
    module, name = ("kvm_amd", "npt") if vendor == "svm" else ("kvm_intel", "ept")
    return _switch(facts, module, name, "warning", "nested guests become very slow")


@rule(
    "kvm.no-unrestricted-guest",
    meaning="KVM does not use unrestricted guests.",
    why="It emulates real mode in software: guests boot slower, and some boot loaders fail.",
    remedy="Load kvm_intel with unrestricted_guest=1 (it needs EPT).",
    source=f"{_PARAMETERS}: kvm-intel.unrestricted_guest",
)
def no_unrestricted_guest(facts: Facts) -> Seen | None:
    """Intel only."""
    effect = "guests start slower, and some do not start"
    return _switch(facts, "kvm_intel", "unrestricted_guest", "warning", effect)


@rule(
    "kvm.no-shadow-vmcs",
    meaning="KVM does not use VMCS shadowing.",
    why="Every VMREAD and VMWRITE of a guest hypervisor is then an exit: nesting costs more.",
    remedy="Load kvm_intel with enable_shadow_vmcs=1; old or virtual processors lack it.",
    source="Linux commit abc4fc58c5ba (KVM: nVMX: Detect shadow-vmcs capability)",
)
def no_shadow_vmcs(facts: Facts) -> Seen | None:
    """Intel only; the kernel prints N when the processor cannot."""
    effect = "each VMREAD and VMWRITE of a guest hypervisor exits"
    return _switch(facts, "kvm_intel", "enable_shadow_vmcs", "info", effect)


@rule(
    "kvm.no-apic-virtualization",
    meaning="KVM does not use APICv (Intel) or AVIC (AMD).",
    why="Interrupts of guests then cost exits, which nesting multiplies.",
    remedy="Load kvm_intel with enable_apicv=1, or kvm_amd with avic=1 where it is stable.",
    source="Linux arch/x86/kvm/vmx/vmx.c (enable_apicv), arch/x86/kvm/svm/avic.c (avic)",
)
def no_apic_virtualization(facts: Facts) -> Seen | None:
    """Only a hint: AVIC is off by default in most kernels, and KVM inhibits it for nesting."""
    vendor = extension(facts)
    module, name = ("kvm_amd", "avic") if vendor == "svm" else ("kvm_intel", "enable_apicv")
    return _switch(facts, module, name, "info", "interrupts of guests cost exits")


@rule(
    "kvm.no-posted-interrupts",
    meaning="The processor shows no posted interrupts to KVM.",
    why="Nested posted interrupts then do not work: an interrupt for L2 goes through L1 each time.",
    remedy="In a guest, pass the host's CPU through; on old processors there is nothing to do.",
    source="Intel SDM volume 3, posted-interrupt processing; Linux arch/x86/kvm/vmx/posted_intr.c",
)
def no_posted_interrupts(facts: Facts) -> Seen | None:
    """`vmx flags` of /proc/cpuinfo, Linux 5.9 and later."""
    if extension(facts) != "vmx" or facts.cpu is None or not facts.cpu.vmx_flags:
        return None
    if "posted_intr" in facts.cpu.vmx_flags:
        return Seen("ok", "the CPU posts interrupts to guests")
    return Seen("info", "the CPU shows no posted interrupts: L2's interrupts go through L1")


@rule(
    "kvm.halt-polling",
    meaning="`halt_poll_ns` is 0 or very high.",
    why="Without polling every sleep of a vCPU costs an exit and a wake-up; with too much of it,"
    " idle guests burn the CPU that their siblings need.",
    remedy="Write 200000 into /sys/module/kvm/parameters/halt_poll_ns.",
    source="Linux Documentation/virt/kvm/halt-polling.rst",
)
def halt_polling(facts: Facts) -> Seen | None:
    """In nanoseconds; it can be changed while guests run."""
    value = running(facts, "kvm", "halt_poll_ns")
    if value is None or not value.isascii() or not value.isdigit() or len(value) > 12:
        return None
    usual = "500000" if family(facts) == "arm" else "200000"
    write = root(facts, f"sh -c 'echo {usual} > /sys/module/kvm/parameters/halt_poll_ns'")
    if int(value) == 0:
        return Seen("info", "kvm.halt_poll_ns is 0: vCPUs that wait are put to sleep", f"`{write}`")
    if int(value) > _HALT_POLL_LIMIT:
        what = f"kvm.halt_poll_ns is {value}: idle vCPUs burn up to {int(value) / 1e6:.1f} ms"
        return Seen("warning", what, f"`{write}`")
    return Seen("ok", f"kvm.halt_poll_ns is {value}")


@rule(
    "kernel.attack-surface",
    meaning="Nesting is on, which gives guests more of the kernel to attack.",
    why="Nested state is complex code: escapes such as CVE-2021-29657 went through it.",
    remedy="Keep kernels current, and give the extensions only to guests that you trust.",
    source="CVE-2021-29657 (Project Zero 2177), CVE-2021-3656; Linux kernel CVE announcements",
)
def attack_surface(facts: Facts) -> Seen | None:
    """Said wherever guests get the extensions."""
    if not (facts.nested_on or offers(facts)):
        return None
    what = "guests with the extensions reach more of the kernel: give them to trusted ones only"
    return Seen("info", what)


RULES: tuple[Rule, ...] = (
    second_level_paging_off, no_unrestricted_guest, no_shadow_vmcs, no_apic_virtualization,
    no_posted_interrupts, halt_polling, attack_surface,
)  # fmt: skip
