"""Workloads that bring files are put, built, run and removed on a real machine: this one."""

import asyncio
import os
import shutil
from pathlib import Path

import pytest

from facts_examples import cpu, facts
from nestlab.bench.course import Course
from nestlab.bench.envelope import Target
from nestlab.bench.jobs import Subject, jobs_of
from nestlab.bench.ledger import Ledger
from nestlab.bench.measure import measure
from nestlab.machine.local import LocalMachine
from nestlab.report.rows import rows
from nestlab.result.models import MachineRecord, Result
from nestlab.workload.build import Build
from nestlab.workload.exits import Exits
from nestlab.workload.protocol import Workload
from result_examples import result as example


def measured(folder: Path, *workloads: Workload) -> Result:
    cpus = tuple(sorted(os.sched_getaffinity(0)))[:2]
    target = Target("l0", facts(cpu=cpu(usable=cpus)), str(folder), None)
    subject = Subject(LocalMachine(), target)
    ledger = Ledger(run=example().run, save=lambda _: None)
    ledger.begin((MachineRecord(path="l0", level=0, emulated=False),))
    asyncio.run(
        measure(
            [subject],
            jobs_of(workloads, [target], cpus=len(cpus)),
            ledger,
            machines=[subject.machine],
            cpus=len(cpus),
            course=Course(1, warm_up=False),
            save_raw=lambda name, _: f"raw/{name.replace(' ', '_')}",
            sink=lambda _: None,
        )
    )
    return ledger.result


@pytest.mark.skipif(
    not all(map(shutil.which, ("gcc", "make", "tar", "taskset"))), reason="no compiler here"
)
def test_files_programs_and_figures(tmp_path: Path) -> None:
    result = measured(tmp_path, Exits(samples=20), Build(units=1))
    lacking = {series.reason for series in result.series if series.status == "skipped"}
    assert {series.status for series in result.series} <= {"ok", "skipped"}
    assert all("unavailable" not in str(reason) for reason in lacking)
    measured_ones = {series.case for series in result.series if series.status == "ok"}
    assert {"timer", "fault-4k", "touch-4k", "make-1"} <= measured_ones
    assert list(tmp_path.iterdir()) == []


class Absent(Exits):
    """Needs what no machine has."""

    name = "absent"
    needs = ("taskset", "no-such-program-anywhere")


def test_a_program_that_is_missing_is_told_and_nothing_is_left(tmp_path: Path) -> None:
    result = measured(tmp_path, Absent(samples=20))
    assert {series.status for series in result.series} == {"skipped"}
    assert {series.reason for series in result.series} == {
        "absent needs no-such-program-anywhere, which l0 has not got"
    }
    assert {row.status for row in rows(result).rows} == {"skipped"}
    assert list(tmp_path.iterdir()) == []
