"""What is measured, and on which machines."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from nestlab.bench.envelope import Target, queue_cpus
from nestlab.bench.fence import Fence
from nestlab.bench.peer import Neighbour
from nestlab.bench.rounds import Turn
from nestlab.errors import WorkloadError
from nestlab.machine.protocol import Machine
from nestlab.workload.protocol import Case, Workload
from nestlab.workload.startable import Startable


@dataclass(frozen=True)
class Subject:
    """A machine to be measured, what is known of it, and whom it can talk to.

    launch  seconds that L0 counts for a command that does nothing; None: not known
    fence   what bounds its memory
    origin  what could start another one like it
    """

    machine: Machine
    target: Target
    launch: float | None = None
    fence: Fence = field(default_factory=lambda: Fence(None))
    peers: tuple[Neighbour, ...] = ()
    origin: "Origin" = field(default_factory=lambda: Origin())  # noqa: PLW0108 - it is below


@dataclass(frozen=True)
class Origin:
    """Where a machine comes from: its parent, and a small guest like it that the parent can start.

    why  there is none
    """

    parent: Subject | None = None
    guest: Startable | None = None
    why: str = "nothing is known of what starts it"

    def found(self) -> tuple[Subject, Startable]:
        """Both. Raises WorkloadError `workload.unavailable`."""
        if self.parent is None or self.guest is None:
            raise WorkloadError("workload.unavailable", self.why)
        return self.parent, self.guest


@dataclass(frozen=True)
class Job:
    """One case of one workload, the same for every machine."""

    workload: Workload
    case: Case

    @property
    def step(self) -> str:
        """In a few words."""
        return f"{self.workload.name} {self.case.case}"


JobTurn = Turn[Subject, Job]


def jobs_of(
    workloads: Sequence[Workload], targets: Sequence[Target], *, cpus: int
) -> tuple[Job, ...]:
    """Every case, sized by the guests' vCPUs and the disks' queue maps."""
    queues = queue_cpus(targets, cpus)
    return tuple(
        Job(workload, case)
        for workload in workloads
        for case in workload.cases(vcpus=cpus, queue_cpus=queues)
    )
