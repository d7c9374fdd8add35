"""How often a machine seems to differ from itself: what a 95 % interval promises is 5 %.

.venv/bin/python benchmarks/same_machine.py [LAB] [MACHINE] [TIMES] [ROUNDS]

Measures one machine of a lab that is up as if it were two, with the fast workload, as `nestlab
bench` does: rounds in random order, losses with intervals. Prints of each time the loss, and in
the end in how many a difference was shown where there is none.
"""

import asyncio
import sys
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from nestlab import __version__
from nestlab.bench.course import Course
from nestlab.bench.envelope import Target
from nestlab.bench.jobs import Subject, jobs_of
from nestlab.bench.ledger import Ledger
from nestlab.bench.measure import measure, new_seed
from nestlab.deadline import Deadline
from nestlab.facts.gather import gather
from nestlab.home import Home
from nestlab.lab.access.reach import reach
from nestlab.lab.record.known import find_lab
from nestlab.machine.protocol import Machine
from nestlab.report.rows import rows
from nestlab.result.models import MachineRecord, Run
from nestlab.result.store import RunFolder
from nestlab.workload.sysbench import SysbenchCpu

PATHS = ("l0", "l1")
FAST = SysbenchCpu(seconds=1, threads=(1,))


class Called:
    """A machine under another path."""

    def __init__(self, machine: Machine, path: str) -> None:
        self.path, self.run, self.put = path, machine.run, machine.put
        self.get, self.dial, self.close = machine.get, machine.dial, machine.close


async def once(subjects: list[Subject], rounds: int) -> dict[str, tuple[float, bool]]:
    """Metric -> the loss of the second against the first, and whether it is shown."""
    run = Run(
        id="same-machine",
        started=datetime.now(UTC),
        nestlab_version=__version__,
        argv=tuple(sys.argv),
        order_seed=new_seed(),
    )
    ledger = Ledger(run, save=lambda _: None)
    ledger.begin((
        MachineRecord(path="l0", level=0, emulated=False),
        MachineRecord(path="l1", level=1, parent="l0", emulated=False),
    ))  # fmt: skip
    with TemporaryDirectory() as folder:
        await measure(
            subjects,
            jobs_of([FAST], [subject.target for subject in subjects], cpus=1),
            ledger,
            machines=[subject.machine for subject in subjects],
            cpus=1,
            course=Course(rounds),
            save_raw=RunFolder.create(Path(folder)).save_raw,
            sink=lambda _: None,
        )
    lost = {row.metric: row.step_loss for row in rows(ledger.result).rows if row.machine == "l1"}
    return {metric: (loss.value, loss.is_shown) for metric, loss in lost.items() if loss}


async def main(lab: str | None, path: str, times: int, rounds: int) -> None:
    """All of it, on one connection."""
    async with AsyncExitStack() as stack:
        way = reach(*find_lab(Home.from_environment(), lab), path, deadline=Deadline.after(60))
        machine = await stack.enter_async_context(way)
        facts = await gather(machine, deadline=Deadline.after(60))
        target = Target(path, facts, "/var/tmp", None)
        subjects = [Subject(Called(machine, name), replace(target, path=name)) for name in PATHS]
        shown: dict[str, int] = {}
        for number in range(1, times + 1):
            found = await once(subjects, rounds)
            for metric, (_, seen) in found.items():
                shown[metric] = shown.get(metric, 0) + seen
            told = ", ".join(f"{m} {v:+.1%}{' shown' if s else ''}" for m, (v, s) in found.items())
            print(f"{number:3}: {told}", flush=True)
    for metric, count in shown.items():
        print(f"{metric}: a difference shown in {count} of {times} ({count / times:.0%})")


if __name__ == "__main__":
    _, lab, machine, times, rounds = [*sys.argv, *("", "l1", "20", "10")[len(sys.argv) - 1 :]]
    asyncio.run(main(lab or None, machine, int(times), int(rounds)))
