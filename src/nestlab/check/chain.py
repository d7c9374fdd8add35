"""The chain: CPU → firmware → module → `nested` → /dev/kvm → a guest ran → offered."""

from collections.abc import Iterable

from nestlab.check import cpu, device, modules, nested
from nestlab.check.rule import Finding, Rule, apply
from nestlab.facts.model import Facts

CHAIN: tuple[Rule, ...] = (
    cpu.no_virtualization,
    device.software,
    cpu.firmware_locked,
    modules.module_missing,
    modules.module_blocked,
    device.no_device,
    nested.arm_too_old,
    nested.nested_disabled,
    device.not_a_device,
    device.not_openable,
    device.no_guest,
    device.cannot_nest,
    device.unknown,
)
"""The rules whose errors break it, the deepest cause first."""

_PLACE = {rule.code: place for place, rule in enumerate(CHAIN)}


def first_broken(findings: Iterable[Finding]) -> Finding | None:
    """The error that has to be mended first, or None when the chain holds."""
    broken = [each for each in findings if each.severity == "error" and each.code in _PLACE]
    return min(broken, key=lambda each: _PLACE[each.code], default=None)


def broken_link(facts: Facts) -> Finding | None:
    """The first broken link of a machine whose guests shall nest, or None when the chain holds."""
    return first_broken(found for rule in CHAIN if (found := apply(rule, facts)))
