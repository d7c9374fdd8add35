"""What a bench would run, from what is known without asking a machine."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypedDict

from nestlab.bench.estimate import expected_seconds
from nestlab.home import Home
from nestlab.lab.measure.bench_job import Job, choose_for
from nestlab.lab.record.known import find_lab
from nestlab.lab.wanted.spec import GuestSpec
from nestlab.lab.wanted.tree import paths_in
from nestlab.workload.protocol import Envelope, Param


class PlannedCase(TypedDict):
    """A case; `seconds` that it works when all is well."""

    workload: str
    case: str
    params: Mapping[str, Param]
    seconds: float


class BenchPlan(TypedDict):
    """A bench; `turns` are its runs, `seconds` the work of all of them."""

    machines: list[str]
    cases: list[PlannedCase]
    rounds: int
    warm_up: bool
    turns: int
    seconds: float


async def bench_plan(job: Job, home: Home) -> BenchPlan:
    """How many runs, and how long they work. Raises as `choose` does."""
    order = job.order
    workloads = await choose_for(order, home)
    paths, vcpus = _machines(job, home)
    machines = [path for path in paths if not order.paths or path in order.paths]
    envelope = Envelope((0,), "/")
    cases = [
        PlannedCase(
            workload=case.workload,
            case=case.case,
            params=dict(case.params),
            seconds=expected_seconds(workload, case, envelope),
        )
        for workload in workloads
        for case in workload.cases(vcpus=vcpus, queue_cpus=vcpus)
    ]
    each = order.course.planned * len(machines)
    return BenchPlan(
        machines=machines,
        cases=cases,
        rounds=order.course.rounds,
        warm_up=order.course.warm_up,
        turns=each * len(cases),
        seconds=each * sum(case["seconds"] for case in cases),
    )


def _machines(job: Job, home: Home) -> tuple[list[str], int]:
    """Paths, L0 first, and the least number of vCPUs."""
    if job.goal:
        guests = job.goal.guests
        return ["l0", *paths_in(guests)], min(_vcpus(guests))
    _, state = find_lab(home, job.order.lab)
    there = [guest for guest in state.guests if not guest.stopped]
    return ["l0", *(guest.path for guest in there)], min((g.vcpus or 1 for g in there), default=1)


def _vcpus(guests: Sequence[GuestSpec]) -> Iterator[int]:
    for guest in guests:
        yield guest.vcpus
        yield from _vcpus(guest.guests)
