"""Measure a lab that is there, and leave it as it was."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from nestlab.bench.course import Course
from nestlab.bench.ledger import Ledger
from nestlab.errors import NestlabError, UsageError
from nestlab.events import Sink
from nestlab.home import Home
from nestlab.lab.build.reconcile import Terms, standing
from nestlab.lab.change.control import Found
from nestlab.lab.measure.measurement import measure_lab
from nestlab.lab.record.opening import held
from nestlab.lab.record.state import LabState
from nestlab.lab.wanted.tree import branch
from nestlab.result.store import RunFolder
from nestlab.workload.protocol import Workload


@dataclass(frozen=True)
class Wanted:
    """What is measured.

    paths  of the machines; none: all that are not stopped, and L0
    """

    workloads: Sequence[Workload]
    course: Course
    paths: Sequence[str] = ()


async def bench(
    found: Found, wanted: Wanted, ledger: Ledger, folder: RunFolder, home: Home, sink: Sink
) -> None:
    """Start what should run and does not, prove every machine, and measure.

    The lab is held meanwhile, so that no other nestlab changes it. Whatever happens while it is
    measured, its machines stay.

    Raises NestlabError: `lab.busy`, `bench.no-such-machine`, `bench.resume-differs`, and what
    `standing` and `measure` raise.
    """
    with held(*found) as lab:
        known(lab.state, wanted.paths)
        guests = branch(lab.state, "l0", stopped=False)
        problem: BaseException | None = None
        async with standing(lab, guests, Terms(), home, sink) as proofs:
            try:
                await measure_lab(
                    *(lab, proofs, wanted.workloads, ledger, folder),
                    course=wanted.course,
                    sink=sink,
                    paths=wanted.paths,
                )
            except (NestlabError, OSError, asyncio.CancelledError) as stopped:
                problem = stopped  # not to `standing`, which would take down what it has started
        if problem:
            raise problem


def known(state: LabState, paths: Sequence[str]) -> None:
    """Raises UsageError `bench.no-such-machine`."""
    there = ["l0", *(guest.path for guest in state.guests)]
    for path in paths:
        if path not in there:
            raise UsageError(
                "bench.no-such-machine",
                f"lab {state.name or state.id} has no machine {path}",
                hint=f"its machines: {', '.join(there)}",
            )
