"""What is measured, and on which machines."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from nestlab.bench.envelope import Target, queue_cpus
from nestlab.bench.fence import Fence
from nestlab.bench.peer import Neighbour
from nestlab.bench.rounds import Turn
from nestlab.machine.protocol import Machine
from nestlab.workload.protocol import Case, Workload


@dataclass(frozen=True)
class Subject:
    """A machine to be measured, what is known of it, and whom it can talk to.

    launch  seconds that L0 counts for a command that does nothing; None: not known
    fence   what bounds its memory
    """

    machine: Machine
    target: Target
    launch: float | None = None
    fence: Fence = field(default_factory=lambda: Fence(None))
    peers: tuple[Neighbour, ...] = ()


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
