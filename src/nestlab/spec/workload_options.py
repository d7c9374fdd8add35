"""What a lab file may say of each workload that nestlab has.

A key has the name of a field of the workload's own class in `workload/`, which has the default:
what is not given here stays as the size of the run (full, demo, quick) has it.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import Field

from nestlab.spec.counts import Counts
from nestlab.spec.entry import Options
from nestlab.spec.fio_options import FioOptions

_Seconds = Annotated[int, Field(strict=True, ge=1, le=86400)]
_SECONDS = "seconds of each case, from 1 to 86400"
_EACH = "a number from 1 to 4096, vcpus, or a list of them such as [1, vcpus]"

Stressor = Literal["cpu", "switch", "pipe", "fork", "vm"]
Test = Literal[
    "dhry2reg", "whetstone-double", "execl", "fstime", "fsbuffer", "fsdisk",
    "pipe", "context1", "spawn", "shell1", "shell8", "syscall",
]  # fmt: skip


class SysbenchOptions(Options):
    """Of those that run for a time."""

    threads: Counts | None = Field(default=None, description=f"threads: {_EACH}")
    seconds: _Seconds | None = Field(default=None, description=_SECONDS)


class MutexOptions(Options):
    """It ends when its locks were taken."""

    threads: Counts | None = Field(default=None, description=f"threads: {_EACH}")
    locks: int | None = Field(
        default=None,
        strict=True,
        ge=1,
        le=10_000_000,
        description="locks that each thread takes, from 1 to 10000000",
    )


class UnixBenchOptions(Options):
    """Its index is there only when all tests ran."""

    copies: Counts | None = Field(default=None, description=f"copies: {_EACH}")
    iterations: int | None = Field(
        default=None,
        strict=True,
        ge=0,
        le=1000,
        description="passes of each test, to 1000; 0 for as many as UnixBench wants",
    )
    tests: Annotated[tuple[Test, ...], Field(min_length=1, max_length=12)] | None = Field(
        default=None, description="a list of UnixBench's tests such as [dhry2reg, pipe]"
    )


class StressNgOptions(Options):
    """Which stressors, and how long."""

    stressors: Annotated[tuple[Stressor, ...], Field(min_length=1, max_length=5)] | None = Field(
        default=None, description="a list of cpu, switch, pipe, fork and vm"
    )
    seconds: _Seconds | None = Field(default=None, description=_SECONDS)


class BuildOptions(Options):
    """How much is compiled."""

    units: int | None = Field(
        default=None, strict=True, ge=1, le=1000, description="files to compile, from 1 to 1000"
    )
    jobs: Counts | None = Field(default=None, description=f"jobs of make: {_EACH}")


class ExitsOptions(Options):
    """How often each exit is taken."""

    samples: int | None = Field(
        default=None,
        strict=True,
        ge=10,
        le=10_000_000,
        description="how many of each kind, from 10 to 10000000",
    )


class Iperf3Options(Options):
    """Between a machine and its parent, and between siblings."""

    seconds: _Seconds | None = Field(default=None, description=_SECONDS)
    streams: (
        Annotated[
            tuple[Annotated[int, Field(strict=True, ge=1, le=128)], ...],
            Field(min_length=1, max_length=8),
        ]
        | None
    ) = Field(default=None, description="list of numbers from 1 to 128, such as [1, 4]")


class BootOptions(Options):
    """A small guest, from power-on."""

    timeout: int | None = Field(
        default=None,
        strict=True,
        ge=1,
        le=3600,
        description="seconds after which a boot has failed, from 1 to 3600",
    )


OPTIONS: Mapping[str, type[Options]] = MappingProxyType(
    {
        "fio": FioOptions,
        "sysbench-cpu": SysbenchOptions,
        "sysbench-memory": SysbenchOptions,
        "sysbench-threads": SysbenchOptions,
        "sysbench-mutex": MutexOptions,
        "stress-ng": StressNgOptions,
        "build": BuildOptions,
        "exits": ExitsOptions,
        "unixbench": UnixBenchOptions,
        "iperf3": Iperf3Options,
        "boot": BootOptions,
    }
)
