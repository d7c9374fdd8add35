"""All checks, in groups, in the order of the documentation. A new group is one line here."""

from dataclasses import dataclass

from nestlab.check import (
    advisories,
    clock,
    conflicts,
    cpu,
    device,
    entropy,
    iommu,
    memory,
    missing,
    modules,
    nested,
    network,
    outer,
    security,
    siblings,
    tools,
)
from nestlab.check.rule import Rule


@dataclass(frozen=True)
class Group:
    """Rules about one subject."""

    title: str
    rules: tuple[Rule, ...]


GROUPS: tuple[Group, ...] = (
    Group("Processor", cpu.RULES),
    Group("KVM modules", modules.RULES),
    Group("Nested virtualization", nested.RULES),
    Group("/dev/kvm and what it offers", device.RULES),
    Group("Other parameters of KVM", siblings.RULES),
    Group("The hypervisor outside", outer.RULES),
    Group("Contradictions", conflicts.RULES),
    Group("Memory", memory.RULES),
    Group("IOMMU", iommu.RULES),
    Group("Clocks", clock.RULES),
    Group("Entropy", entropy.RULES),
    Group("Security modules", security.RULES),
    Group("Networks", network.RULES),
    Group("QEMU and libvirt", tools.RULES),
    Group("Advisories", advisories.RULES),
    Group("What could not be read", missing.RULES),
)

ALL: tuple[Rule, ...] = tuple(rule for group in GROUPS for rule in group.rules)
