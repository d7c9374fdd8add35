"""The workloads that come with nestlab. Adding one: its file, and a line in each tuple."""

from nestlab.units import MIB
from nestlab.workload.fio import Fio
from nestlab.workload.protocol import Workload
from nestlab.workload.sysbench import SysbenchCpu


def full() -> tuple[Workload, ...]:
    """As long and as large as in the document that nestlab is built from."""
    return (SysbenchCpu(), Fio())


def demo() -> tuple[Workload, ...]:
    """The document's commands, bounded so that an emulated chain is done within minutes."""
    return (SysbenchCpu(seconds=5), Fio(size=256 * MIB, runtime=15))


def quick() -> tuple[Workload, ...]:
    """The same commands, only smaller and shorter: a look, not a measurement to quote."""
    return (SysbenchCpu(seconds=3), Fio(size=64 * MIB, runtime=5))
