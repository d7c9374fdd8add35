"""Clocks: a slow or unsteady one turns comparisons upside down."""

import re

from nestlab.check.links import logged
from nestlab.check.remedy import root
from nestlab.check.rule import Rule, Seen, rule
from nestlab.facts.model import Facts

_SLOW = {"hpet", "acpi_pm", "jiffies", "refined-jiffies", "pit"}
_UNSTABLE = re.compile(r"tsc.*unstable", re.IGNORECASE)
_CURRENT = "/sys/devices/system/clocksource/clocksource0/current_clocksource"


@rule(
    "clock.slow",
    meaning="The clock source is one that takes an exit or a slow register for each reading.",
    why="Programs that read the clock often measure the clock: one figure rose fourfold with tsc.",
    remedy="Choose tsc or kvm-clock, the same at every level, or let the host offer it.",
    source="Linux Documentation/virt/kvm/x86/timekeeping.rst; Mellanox/mkt pull request 74",
)
def slow(facts: Facts) -> Seen | None:
    """A device such as hpet or acpi_pm, or jiffies, which is no clock at all."""
    clock = facts.clocksource
    if clock is None:
        return None
    if clock.current not in _SLOW:
        return Seen("ok", f"the clock source is {clock.current}")
    better = next((each for each in ("tsc", "kvm-clock") if each in clock.available), None)
    write = root(facts, f"sh -c 'echo {better} > {_CURRENT}'")
    return Seen(
        "warning",
        f"the clock source is {clock.current}, which is slow to read",
        f"`{write}`" if better else "boot with `tsc=reliable clocksource=tsc` if the TSC is steady",
    )


@rule(
    "clock.tsc-unstable",
    meaning="The kernel has found the TSC to be unstable.",
    why="Guests' clocks then rest on slower sources, and may run wrong: time from L0 as well.",
    remedy="Update the firmware; in a guest, give it an invariant TSC.",
    source="Linux arch/x86/kernel/tsc.c: Marking TSC unstable",
)
def tsc_unstable(facts: Facts) -> Seen | None:
    """The kernel says so in its log, once."""
    line = logged(facts, _UNSTABLE)
    if line is None:
        return None
    advice = "update the firmware; in a guest `-cpu host,+invtsc`"
    return Seen("warning", f"the TSC is unstable: {line.strip()}", advice)


RULES: tuple[Rule, ...] = (slow, tsc_unstable)
