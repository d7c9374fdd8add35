"""What a workload is: cases, the commands of a case, and a reader of its output.

A workload is pure. It sees an envelope, never a machine or a level, so the command of a case is
the same wherever it runs. Adding a workload is one file and one line in `builtin.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, Protocol

from nestlab.workload.startable import Startable

Argv = tuple[str, ...]
Param = str | int
Better = Literal["higher", "lower"]


@dataclass(frozen=True)
class Peer:
    """Another machine of the lab that the measured one talks to.

    name     its path in the lab
    address  IPv4 or IPv6 address as the measured machine sees it
    port     TCP port of it that nobody listens on yet
    listen   address of its own on which what arrives there is heard; empty: the same
    """

    name: str
    address: str
    port: int
    listen: str = ""


@dataclass(frozen=True)
class Device:
    """A block device that a workload may use: no file system, no other user.

    name      as the lab file has it
    path      absolute path on the machine
    writable  false for what was passed through to be read
    """

    name: str
    path: str
    writable: bool = True


@dataclass(frozen=True)
class Envelope:
    """What a workload may use on a machine.

    cpus       the CPU numbers that it may run on, at least one
    directory  absolute path of a folder on the disk to be measured
    peer       who is on the other end, for a workload that wants one; None when there is nobody
    devices    whole disks that may be measured
    guest      what may be started, for a workload that runs on the parent; None: nothing

    Raises ValueError for anything else: the caller made a mistake, not the user.
    """

    cpus: tuple[int, ...]
    directory: str
    peer: Peer | None = None
    devices: tuple[Device, ...] = ()
    guest: Startable | None = None

    def __post_init__(self) -> None:
        if not self.cpus or min(self.cpus) < 0:
            raise ValueError(f"an envelope needs CPU numbers, not {self.cpus!r}")
        if not self.directory.startswith("/"):
            raise ValueError(f"the folder of an envelope must be absolute, not {self.directory!r}")


@dataclass(frozen=True)
class Case:
    """One thing to run, with every parameter that must be equal for two figures to compare."""

    workload: str
    case: str
    params: Mapping[str, Param]

    def __post_init__(self) -> None:
        object.__setattr__(self, "params", MappingProxyType(dict(self.params)))

    def __hash__(self) -> int:
        return hash((self.workload, self.case, tuple(sorted(self.params.items()))))

    def number(self, name: str) -> int:
        """A parameter that is a number. Raises TypeError when it is not one."""
        value = self.params[name]
        if not isinstance(value, int):
            raise TypeError(f"{self.workload} {self.case}: {name} is {value!r}, not a number")
        return value


@dataclass(frozen=True)
class File:
    """A file that a case needs on the machine; `path` is absolute and belongs to the workload."""

    path: str
    data: bytes


@dataclass(frozen=True)
class Command:
    """How a case is run; every part is an argv, none needs a shell.

    prepare           run in this order before the clock starts, each once on a machine; may be
                      run again without harm
    argv              the measured command
    cleanup           run afterwards, also when something failed
    expected_seconds  how long `argv` works when all is well, without the start of the process;
                      callers make their deadline and progress from it. `prepare` is not in it:
                      how fast a disk is written is unknown before it is measured
    bound             seconds after which `argv` ends by itself; 0: not beyond what is expected
    files             put on the machine before `prepare`, each once
    cold              whether the page caches are dropped before `argv`: it measures a disk
    reload            run after they are dropped, so that the program is read again before the
                      clock starts, and its data alone is cold
    server            runs on the peer meanwhile: started before `argv`, when it listens on the
                      peer's port `argv` begins, ended afterwards whatever happened
    """

    prepare: tuple[Argv, ...]
    argv: Argv
    cleanup: tuple[Argv, ...]
    expected_seconds: float
    files: tuple[File, ...] = ()
    cold: bool = False
    reload: Argv | None = None
    server: Argv | None = None
    bound: float = 0.0


@dataclass(frozen=True)
class Metric:
    """A figure's name and unit, known before anything ran, so that a failure has its row too."""

    metric: str
    unit: str
    better: Better


@dataclass(frozen=True)
class Figure:
    """One measured value, in `unit`."""

    metric: str
    unit: str
    better: Better
    value: float

    @classmethod
    def of(cls, metric: Metric, value: float) -> "Figure":
        """The figure of a declared metric."""
        return cls(metric.metric, metric.unit, metric.better, value)


@dataclass(frozen=True)
class Parsed:
    """What the output of one run said.

    tool_version  as the tool says it
    elapsed       seconds of the measured work by the tool's own clock, which inside a guest is a
                  suspect; it leaves out the start and the end of the process. None: not said
    """

    figures: tuple[Figure, ...]
    tool_version: str
    elapsed: float | None


class Workload(Protocol):
    """A benchmark."""

    @property
    def name(self) -> str:
        """Stable, lower case: the key of a lab file and of the result file."""
        ...

    @property
    def needs(self) -> tuple[str, ...]:
        """Names of the programs that a machine must have."""
        ...

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Every figure that each case yields."""
        ...

    def cases(self, *, vcpus: int, queue_cpus: int) -> tuple[Case, ...]:
        """The cases for machines of one size.

        vcpus       CPUs of the envelope
        queue_cpus  CPUs in the queue map of the disk to be measured (`queues.py`)
        """
        ...

    def command(self, case: Case, envelope: Envelope) -> Command:
        """How to run a case within an envelope; equal envelopes give equal commands.

        Raises WorkloadError `workload.unavailable` where the envelope lacks what the case needs.
        """
        ...

    def parse(self, case: Case, stdout: bytes) -> Parsed:
        """Read what the measured command printed: exactly the figures of `metrics`.

        Raises WorkloadError: `workload.failed` (the tool says that it failed, and why),
        `workload.unreadable-output` (not what this parser knows; never guessed),
        `workload.unavailable` (this machine has not got what is measured: a skipped series).
        """
        ...


Relation = Literal["parent", "sibling"]


def wants_peer(workload: Workload) -> bool:
    """Whether its cases need another machine; each then says in `peer` which: a Relation.

    A workload says so by an attribute of this name, which those without a peer need not have.
    """
    return bool(getattr(workload, "wants_peer", False))


def runs_on_parent(workload: Workload) -> bool:
    """Whether it starts guests like the measured machine, so that its commands run on the parent.

    Said by an attribute of this name, likewise. The envelope is then the parent's.
    """
    return bool(getattr(workload, "runs_on_parent", False))
