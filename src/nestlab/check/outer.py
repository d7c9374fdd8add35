"""The hypervisor that this machine is a guest of: which one, and what it can pass on."""

from nestlab.check.hypervisors import Hypervisor, is_metal, recognise
from nestlab.check.links import cpu_has, extension, family, offers
from nestlab.check.rule import Rule, Seen, rule
from nestlab.facts.model import Facts

# docs.aws.amazon.com, amazon-ec2-nested-virtualization, November 2026
_AWS_NESTING = ("c8i", "m8i", "r8i")


def is_emulated(facts: Facts) -> bool:
    """Whether QEMU's TCG emulates this very machine."""
    outer = recognise(facts)
    return outer is not None and outer.name.startswith("QEMU")


@rule(
    "outer.hypervisor",
    meaning="This machine is a guest itself.",
    why="It can host guests only if its own host passes the extensions on, and each level costs.",
    remedy="Use the switch of that hypervisor; the finding names it.",
    source="the vendors' documentation, as of November 2026; systemd-detect-virt(1)",
)
def hypervisor(facts: Facts) -> Seen | None:
    """A warning only where the extensions are missing; whoever has them needs no switch."""
    outer = recognise(facts)
    if outer is None:
        known = facts.outer is not None and (facts.outer.detect_virt == "none" or is_metal(facts))
        return Seen("ok", "this is no guest, as far as can be seen") if known else None
    depth = f"this is a guest of {outer.name}: at least one level deep"
    if offers(facts):
        return Seen("ok", f"{depth}; the extensions reach it")
    switch = f"{outer.switch} ({outer.source})"
    if cpu_has(facts):
        return Seen("info", f"{depth}; its CPU shows the extensions", "")
    return Seen("info" if cpu_has(facts) is None else "warning", depth, switch)


@rule(
    "outer.cannot-pass",
    meaning="The host of this machine is documented not to pass the extensions on.",
    why="No setting inside this machine helps; it takes another type of machine.",
    remedy="Move to a type that can nest, or to bare metal.",
    source="Google, Amazon and Microsoft documentation, November 2026; bhyve(8)",
)
def cannot_pass(facts: Facts) -> Seen | None:
    """A hint only: whoever sees the extensions has them."""
    outer = recognise(facts)
    if outer is None or offers(facts) or cpu_has(facts):
        return None
    reason = _documented(facts, outer)
    return Seen("warning", reason, outer.switch) if reason else None


def _documented(facts: Facts, outer: Hypervisor) -> str | None:
    vendor = facts.cpu.vendor if facts.cpu else ""
    other = vendor == "AuthenticAMD" or family(facts) == "arm"
    if outer.name == "Google Compute Engine" and other:
        return "Google Compute Engine nests on Intel machine types only, and this is none"
    if outer.name == "AWS EC2" and facts.dmi:
        kind = facts.dmi.product_name.partition(".")[0].partition("-")[0]
        if kind and not kind.startswith(_AWS_NESTING):
            return f"EC2's type {kind} cannot nest: c8i, m8i, r8i and metal types can"
    if outer.name == "Azure" and family(facts) == "arm":
        return "Azure's Arm sizes cannot nest"
    return "bhyve passes no extension on to its guests" if outer.name == "bhyve" else None


@rule(
    "outer.emulated",
    meaning="QEMU emulates this machine (TCG); nothing in it is real hardware.",
    why="Nesting works in every mechanism, but each figure that is taken here is emulation.",
    remedy="Use it for functional tests; measure on a machine with real KVM.",
    source="libcpuid pull request 169 (signature TCGTCGTCGTCG); systemd-detect-virt(1): qemu",
)
def emulated(facts: Facts) -> Seen | None:
    """By CPUID's signature, or systemd-detect-virt."""
    return Seen("info", "QEMU (TCG) emulates this machine") if is_emulated(facts) else None


@rule(
    "outer.no-evmcs",
    meaning="KVM on Hyper-V does not use the enlightened VMCS.",
    why="With it an exit of a nested guest cost 8,304 instead of 18,890 cycles when it was made.",
    remedy="Boot Linux 4.17 or later with CONFIG_HYPERV; Hyper-V offers it on Intel by itself.",
    source="Linux arch/x86/kvm/vmx (KVM: vmx: using Hyper-V Enlightened VMCS), 4.17",
)
def no_evmcs(facts: Facts) -> Seen | None:
    """Intel only; AMD has other enlightenments."""
    outer = recognise(facts)
    microsoft = outer is not None and outer.name in {"Hyper-V", "Azure", "WSL2"}
    if not microsoft or extension(facts) != "vmx" or facts.outer is None:
        return None
    if facts.outer.evmcs:
        return Seen("ok", "KVM uses Hyper-V's enlightened VMCS")
    if facts.outer.evmcs is None:
        return None
    return Seen(
        "info",
        "KVM did not say that it uses Hyper-V's enlightened VMCS: nested exits are slower",
        "boot a kernel with CONFIG_HYPERV (4.17 or later)",
    )


@rule(
    "outer.container",
    meaning="This is a container.",
    why="It has its host's kernel: modules, parameters and udev's rules are the host's to change.",
    remedy="Change them on the host, and pass /dev/kvm in with --device /dev/kvm.",
    source="podman-run(1), docker-run(1): --device",
)
def container(facts: Facts) -> Seen | None:
    """Docker, Podman, LXC and others."""
    kind = facts.outer.container if facts.outer else ""
    if not kind:
        return None
    return Seen("info", f"this is a container ({kind}): KVM is set up on its host")


RULES: tuple[Rule, ...] = (hypervisor, cannot_pass, emulated, no_evmcs, container)
