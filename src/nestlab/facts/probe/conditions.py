"""What measurements depend on: the clock, the load, and the kernel's pool of random bits."""

import re

from nestlab.facts.probe.report import UntoldError, word
from nestlab.facts.probe.source import Source


def clocksource(source: "Source") -> "dict[str, object]":
    """The clock that the kernel reads, and what it could read."""
    base = "/sys/devices/system/clocksource/clocksource0/"
    return {
        "current": word(source.setting(base + "current_clocksource"), "clocksource"),
        "available": source.setting(base + "available_clocksource").split(),
    }


def load(source: "Source") -> "list[float]":
    """The load averages of 1, 5 and 15 minutes."""
    found = re.match(r"(\d+\.\d+) (\d+\.\d+) (\d+\.\d+) ", source.text("/proc/loadavg"), re.ASCII)
    if not found:
        raise UntoldError("no averages in /proc/loadavg")
    return [float(value) for value in found.groups()]


def entropy(source: "Source") -> "dict[str, object]":
    """Bits in the kernel's pool, and the hardware generator that feeds it."""
    available = source.setting("/proc/sys/kernel/random/entropy_avail")
    if not re.match(r"\d{1,9}\Z", available):
        raise UntoldError("no number in entropy_avail")
    rng = source.setting_or("/sys/class/misc/hw_random/rng_current", "")
    return {"available": int(available), "rng": "" if rng == "none" else rng}
