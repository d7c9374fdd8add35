"""The result file's model. Raw samples are stored; mean, spread and loss are derived on reading.

Everything is frozen and strict, and unknown keys are refused. Values are finite: a figure that is
missing is a status with a reason, never a 0.
"""

from collections.abc import Mapping
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    StringConstraints,
    model_validator,
)
from pydantic.dataclasses import dataclass

SCHEMA: Literal["nestlab.result/1"] = "nestlab.result/1"

FactValue = bool | int | FiniteFloat | str
Name = Annotated[str, StringConstraints(min_length=1, max_length=4096)]
Seconds = Annotated[FiniteFloat, Field(ge=0)]
RawFile = Annotated[str, StringConstraints(pattern=r"^raw/[A-Za-z0-9_+-][A-Za-z0-9._+-]*$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Status = Literal["ok", "failed", "skipped"]
Better = Literal["higher", "lower"]


class Record(BaseModel):
    """Base of every part of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Run(Record):
    """Which run this was.

    lab_sha256  of the lab file; null when the run had none
    order_seed  seed of the order in which levels and workloads were measured
    turns       how many runs of a tool are planned; null when nobody said
    ended       when the run was over, also when it was interrupted; null while it goes on, and in
                files of whoever does not say
    """

    id: Name
    started: AwareDatetime
    nestlab_version: Name
    argv: tuple[str, ...]
    lab_sha256: Sha256 | None = None
    order_seed: int
    turns: Annotated[int, Field(ge=0)] | None = None
    ended: AwareDatetime | None = None


class Facts(Record):
    """What is true of a machine.

    identity    must match before two results may be compared
    conditions  a difference is a warning
    unknown     what could not be found out, with the reason
    """

    identity: Mapping[str, FactValue] = {}
    conditions: Mapping[str, FactValue] = {}
    unknown: Mapping[str, str] = {}


class Verified(Record):
    """What was proved of a machine; null is 'not known', which is not 'no'.

    kvm_device         /dev/kvm is a character device that opens
    guest_ran          a guest ran with it
    virtualization     lscpu's word: `VT-x`, `AMD-V`
    hypervisor_vendor  lscpu's word: `KVM`
    nested             the module's parameter `nested` is on
    kvm_enabled        the machine itself runs under KVM, by QMP `query-kvm` of its QEMU
    """

    kvm_device: bool | None = None
    guest_ran: bool | None = None
    virtualization: str | None = None
    hypervisor_vendor: str | None = None
    nested: bool | None = None
    kvm_enabled: bool | None = None


class MachineRecord(Record):
    """A machine that was measured.

    path         `l0`, `l1`, `l1/l2`
    level        0 for the host
    accelerator  what runs the machine; null for the host
    emulated     whether its timings are emulation, its own or an ancestor's
    """

    path: Name
    level: Annotated[int, Field(ge=0)]
    parent: Name | None = None
    accelerator: Literal["kvm", "tcg"] | None = None
    emulated: bool
    facts: Facts = Facts()
    verified: Verified = Verified()


# Of samples there may be hundreds of thousands: with slots they take a third of a model's memory.
@dataclass(frozen=True, slots=True, kw_only=True, config=ConfigDict(extra="forbid", strict=True))
class Sample:
    """One measured value.

    round         which repetition, from 1; 0 is the warm-up
    order         which run of the whole bench, from 1; samples of one run share it
    warm_up       whether it only woke caches and clocks: it counts for no figure
    elapsed       seconds from start to exit of the tool by L0's clock; null when nobody timed it
    elapsed_tool  seconds by the tool's own clock; null when it does not say
    elapsed_guest seconds by the measured machine's kernel (/proc/uptime), start to exit of the tool
    warnings      what makes this one doubtful: `clock-disagrees`
    raw           the tool's output, relative to the run folder
    """

    value: FiniteFloat
    round: Annotated[int, Field(ge=0)]
    order: Annotated[int, Field(ge=1)]
    elapsed: Seconds | None
    elapsed_tool: Seconds | None = None
    elapsed_guest: Seconds | None = None
    raw: RawFile | None = None
    warm_up: bool = False
    warnings: tuple[Name, ...] = ()


class Turn(Record):
    """One run of one case on one machine, whatever came of it.

    order       the same as in its samples
    conditions  what the machine saw meanwhile, such as `steal`, the part of its CPUs' time that
                its hypervisor gave to others
    """

    order: Annotated[int, Field(ge=1)]
    round: Annotated[int, Field(ge=0)]
    machine: Name
    workload: Name
    case: Name
    started: AwareDatetime
    status: Status
    conditions: Mapping[str, FactValue] = {}


class Round(Record):
    """L0 right before a round, while nothing was measured.

    conditions  `load` of the last minute; `busy`, part of its CPUs' time; `mhz`; `throttled`, how
                often they were too hot since they started; `others`, guests that are not the lab's
    warnings    what of it disturbs, in words
    """

    round: Annotated[int, Field(ge=0)]
    conditions: Mapping[str, FactValue] = {}
    warnings: tuple[Name, ...] = ()


class SeriesKey(NamedTuple):
    """What makes a series unique in a file."""

    workload: str
    case: str
    machine: str
    metric: str


class Series(Record):
    """The samples of one figure on one machine.

    status   `ok` has samples; `failed` may have those of runs that went well; `skipped` has none
    reason   why it is not `ok`
    """

    workload: Name
    tool_version: Name | None = None
    case: Name
    params: Mapping[str, str | int] = {}
    machine: Name
    metric: Name
    unit: Name
    better: Better
    status: Status
    reason: Name | None = None
    samples: tuple[Sample, ...] = ()

    @property
    def key(self) -> SeriesKey:
        """The series' place in the file."""
        return SeriesKey(self.workload, self.case, self.machine, self.metric)

    @model_validator(mode="after")
    def _status_fits(self) -> Self:
        if (self.status == "ok") == (self.reason is not None):
            raise ValueError("a series has a reason exactly when its status is not ok")
        if self.status == "ok" and not self.samples:
            raise ValueError("a series without samples is failed or skipped, not ok")
        if self.status == "skipped" and self.samples:
            raise ValueError("a skipped series has no samples")
        return self


class Result(Record):
    """A whole result file.

    turns     every run of a workload, in the order of measurement
    rounds    how quiet L0 was before each
    warnings  what whoever measured wants every reader to know
    """

    schema_: Literal["nestlab.result/1"] = Field(default=SCHEMA, alias="schema")
    run: Run
    machines: tuple[MachineRecord, ...]
    series: tuple[Series, ...] = ()
    turns: tuple[Turn, ...] = ()
    rounds: tuple[Round, ...] = ()
    warnings: tuple[Name, ...] = ()

    def machine(self, path: str) -> MachineRecord:
        """The machine of that path. Raises KeyError."""
        for machine in self.machines:
            if machine.path == path:
                return machine
        raise KeyError(path)

    @model_validator(mode="after")
    def _machines_form_a_tree(self) -> Self:
        levels: dict[str, int] = {}
        for machine in self.machines:
            if machine.path in levels:
                raise ValueError(f"machine {machine.path!r} is there twice")
            if machine.parent is not None and machine.parent not in levels:
                raise ValueError(f"the parent of {machine.path!r} must be listed before it")
            above = -1 if machine.parent is None else levels[machine.parent]
            if machine.level != above + 1:
                raise ValueError(f"{machine.path!r} must be one level below its parent")
            levels[machine.path] = machine.level
        return self

    @model_validator(mode="after")
    def _series_are_unique(self) -> Self:
        paths = {machine.path for machine in self.machines}
        seen: set[SeriesKey] = set()
        for series in self.series:
            if series.machine not in paths:
                raise ValueError(f"a series names the unknown machine {series.machine!r}")
            if series.key in seen:
                raise ValueError(f"the series {' '.join(series.key)!r} is there twice")
            seen.add(series.key)
        return self
