"""The workloads that come with nestlab, in three sizes. Adding one: its file, and a line here.

Those that are measured when nobody names any are in `DEFAULTS`.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal

from nestlab.errors import UsageError
from nestlab.units import MIB
from nestlab.workload.boot import Boot
from nestlab.workload.build import Build
from nestlab.workload.exits import Exits
from nestlab.workload.fio import Fio
from nestlab.workload.iperf3 import Iperf3
from nestlab.workload.protocol import Workload
from nestlab.workload.stress_ng import StressNg
from nestlab.workload.sysbench import SysbenchCpu
from nestlab.workload.sysbench_memory import SysbenchMemory
from nestlab.workload.sysbench_threads import SysbenchMutex, SysbenchThreads
from nestlab.workload.unixbench import SHORT, UnixBench
from nestlab.workload.unixbench_text import PARTS

Size = Literal["full", "demo", "quick"]

DEFAULTS = ("sysbench-cpu", "fio")
UNIXBENCH = UnixBench.name

_FULL: tuple[Workload, ...] = (
    SysbenchCpu(),
    Fio(),
    SysbenchMemory(),
    SysbenchThreads(),
    SysbenchMutex(),
    StressNg(),
    Build(),
    Exits(),
    Iperf3(),
    Boot(),
)
_DEMO: tuple[Workload, ...] = (
    SysbenchCpu(seconds=5),
    Fio(size=256 * MIB, runtime=15),
    SysbenchMemory(seconds=5),
    SysbenchThreads(seconds=5),
    SysbenchMutex(locks=10_000),
    StressNg(seconds=5),
    Build(units=12),
    Exits(samples=2000),
    Iperf3(seconds=5),
    Boot(),
)
_QUICK: tuple[Workload, ...] = (
    SysbenchCpu(seconds=3),
    Fio(size=64 * MIB, runtime=5),
    SysbenchMemory(seconds=3),
    SysbenchThreads(seconds=3),
    SysbenchMutex(locks=2_000),
    StressNg(seconds=3),
    Build(units=4),
    Exits(samples=500),
    Iperf3(seconds=3),
    Boot(),
)


def full() -> tuple[Workload, ...]:
    """As long and as large as in the document that nestlab is built from."""
    return selected(DEFAULTS, "full")


def demo() -> tuple[Workload, ...]:
    """The document's commands, bounded so that an emulated chain is done within minutes."""
    return selected(DEFAULTS, "demo")


def quick() -> tuple[Workload, ...]:
    """The same commands, only smaller and shorter: a look, not a measurement to quote."""
    return selected(DEFAULTS, "quick")


def names() -> tuple[str, ...]:
    """Every workload that can be chosen."""
    return (*_of_size("full"), UNIXBENCH)


def selected(
    chosen: Sequence[str],
    size: Size,
    *,
    unixbench: bytes | None = None,
    others: Mapping[str, Workload] = MappingProxyType({}),
) -> tuple[Workload, ...]:
    """The chosen ones, each once, in the order given.

    unixbench  the source that UnixBench needs (`unixbench_source.tree`)
    others     workloads that do not come with nestlab; those of the same name lose

    Raises UsageError `workload.unknown`.
    """
    known = {**others, **_of_size(size)}
    if unixbench is not None:
        known[UNIXBENCH] = _unixbench(unixbench, size)
    for name in chosen:
        if name not in known:
            raise UsageError(
                "workload.unknown",
                f"there is no workload {name!r}",
                hint=f"choose among {', '.join(names())}",
            )
    return tuple(known[name] for name in dict.fromkeys(chosen))


def _of_size(size: Size) -> Mapping[str, Workload]:
    found = {"full": _FULL, "demo": _DEMO, "quick": _QUICK}[size]
    return {workload.name: workload for workload in found}


def _unixbench(source: bytes, size: Size) -> UnixBench:
    """`demo` runs every test once, `quick` only the short ones, which make no index."""
    if size == "full":
        return UnixBench(source)
    return UnixBench(source, iterations=1, tests=SHORT if size == "quick" else tuple(PARTS))
