"""Memory: how much there is, huge pages and KSM."""

import re

from nestlab.facts.probe.report import UntoldError
from nestlab.facts.probe.source import Source


def memory(source: "Source") -> "dict[str, int]":
    """Bytes in total and available."""
    text = source.text("/proc/meminfo")
    fields = dict(re.findall(r"^(\w+):\s+(\d{1,15}) kB$", text, re.MULTILINE))
    if int(fields["MemTotal"]) == 0:
        raise UntoldError("MemTotal is 0")
    return {
        "total": int(fields["MemTotal"]) * 1024,
        "available": int(fields["MemAvailable"]) * 1024,
    }


def paging(source: "Source") -> "dict[str, object]":
    """Huge pages by size in KiB, the chosen mode of THP, and KSM."""
    base = "/sys/kernel/mm/"
    if not source.exists(base):
        raise UntoldError("there is no /sys/kernel/mm")
    pages = {}  # type: dict[str, dict[str, int]]
    for name in source.names_or_none(base + "hugepages"):
        size = re.match(r"hugepages-(\d{1,12})kB\Z", name)
        counts = [
            source.setting_or("%shugepages/%s/%s_hugepages" % (base, name, kind), "")
            for kind in ("nr", "free")
        ]
        if size and all(re.match(r"\d{1,15}\Z", count) for count in counts):
            pages[size.group(1)] = {"total": int(counts[0]), "free": int(counts[1])}
    chosen = re.search(
        r"\[(\w+)\]", source.setting_or(base + "transparent_hugepage/enabled", "") or ""
    )
    ksm = {"0": False, "1": True, "2": False}.get(source.setting_or(base + "ksm/run", ""))
    return {"hugepages": pages, "thp": chosen.group(1) if chosen else None, "ksm": ksm}
