"""Memory: enough of it, huge pages, KSM, transparent huge pages."""

from nestlab.check.remedy import root
from nestlab.check.rule import Rule, Seen, rule
from nestlab.facts.model import Facts
from nestlab.units import GIB, KIB, MIB, format_size

# An L1 of 2 GiB that holds an L2 of 1 GiB, and 1 GiB for the host: below it one of them swaps.
_LEAST = 3 * GIB + 512 * MIB
_ADMIN = "Linux Documentation/admin-guide/mm"


@rule(
    "memory.low",
    meaning="There is little memory for a guest that holds a guest.",
    why="All deeper guests live inside the first one's memory: 4 GiB is a usual L1 with an L2.",
    remedy="End other programs, or give this machine more memory.",
    source="nestlab: the plan of a chain (4.25 GiB free for depth 3)",
)
def low(facts: Facts) -> Seen | None:
    """What is available, not what is free."""
    if facts.memory is None:
        return None
    there = f"{format_size(facts.memory.available)} of {format_size(facts.memory.total)}"
    if facts.memory.available < _LEAST:
        return Seen("warning", f"only {there} of memory is available", "end other programs")
    return Seen("ok", f"{there} of memory is available")


@rule(
    "memory.no-huge-pages",
    meaning="No huge pages are set aside.",
    why="First touch of memory is very slow in deep guests: 11 to 13 s fell to 0.4 s with them.",
    remedy="Set some aside before guests start: vm.nr_hugepages, at every level.",
    source=f"{_ADMIN}/hugetlbpage.rst; cloud-hypervisor issue 6060; tart issue 1340",
)
def no_huge_pages(facts: Facts) -> Seen | None:
    """Of any size."""
    if facts.paging is None:
        return None
    pools = [(kib, pages) for kib, pages in facts.paging.hugepages.items() if pages.total]
    if pools:
        said = ", ".join(f"{pages.total} of {format_size(kib * KIB)}" for kib, pages in pools)
        return Seen("ok", f"huge pages are set aside: {said}")
    command = root(facts, "sysctl vm.nr_hugepages=2048")
    return Seen("info", "no huge pages are set aside", f"`{command}` sets 4 GiB aside")


@rule(
    "memory.ksm",
    meaning="KSM merges equal pages.",
    why="It saves memory, and costs CPU and page faults just when something is measured.",
    remedy="Switch it off while you measure.",
    source=f"{_ADMIN}/ksm.rst",
)
def ksm(facts: Facts) -> Seen | None:
    """/sys/kernel/mm/ksm/run."""
    if facts.paging is None or facts.paging.ksm is None:
        return None
    if not facts.paging.ksm:
        return Seen("ok", "KSM does not run")
    command = root(facts, "sh -c 'echo 0 > /sys/kernel/mm/ksm/run'")
    return Seen("info", "KSM runs: it disturbs measurements", f"`{command}`")


@rule(
    "memory.no-transparent-huge-pages",
    meaning="Transparent huge pages are off.",
    why="Guests' memory then has 4 KiB pages at each level: two-dimensional page walks cost most.",
    remedy="Set it to madvise or always.",
    source=f"{_ADMIN}/transhuge.rst",
)
def no_transparent_huge_pages(facts: Facts) -> Seen | None:
    """`always`, `madvise`, `never`; QEMU asks for them with madvise."""
    if facts.paging is None or facts.paging.thp is None:
        return None
    if facts.paging.thp != "never":
        return Seen("ok", f"transparent huge pages: {facts.paging.thp}")
    place = "/sys/kernel/mm/transparent_hugepage/enabled"
    command = root(facts, f"sh -c 'echo madvise > {place}'")
    return Seen("warning", "transparent huge pages are off (never)", f"`{command}`")


RULES: tuple[Rule, ...] = (low, no_huge_pages, ksm, no_transparent_huge_pages)
