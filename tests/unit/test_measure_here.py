"""Workloads that bring files are put, built, run and removed on a real machine: this one."""

import asyncio
import os
import shutil
from pathlib import Path

import pytest

from bench_players import GOLDEN
from facts_examples import cpu, facts
from nestlab.bench.envelope import Target
from nestlab.bench.ledger import Ledger
from nestlab.bench.measure import Subject, jobs_of, measure
from nestlab.machine.local import LocalMachine
from nestlab.report.rows import rows
from nestlab.result.models import MachineRecord, Result
from nestlab.workload.binding import bind
from nestlab.workload.build import Build
from nestlab.workload.exits import Exits
from nestlab.workload.protocol import Case, Command, Envelope, Workload
from nestlab.workload.sysbench import SysbenchCpu
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
            cpus=len(cpus),
            rounds=1,
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


class Flood(SysbenchCpu):
    """Prints two gigabytes after what looks like figures."""

    name = "flood"
    needs = ("taskset", "sh")

    def command(self, case: Case, envelope: Envelope) -> Command:
        script = 'cat "$0" && head -c 2G /dev/zero'
        argv = bind(envelope, ("sh", "-c", script, str(GOLDEN / "sysbench" / "cpu-1.txt")))
        return Command((), argv, (), expected_seconds=60)

    def cases(self, *, vcpus: int, queue_cpus: int) -> tuple[Case, ...]:
        return super().cases(vcpus=1, queue_cpus=1)


@pytest.mark.skipif(shutil.which("taskset") is None, reason="no taskset here")
def test_a_workload_that_floods_fails_and_none_of_it_is_believed(tmp_path: Path) -> None:
    result = measured(tmp_path, Flood(seconds=2))
    assert {series.status for series in result.series} == {"failed"}
    assert {series.reason for series in result.series} == {
        "flood printed more than 8.0 MiB; the rest is thrown away"
    }
    assert all(not series.samples for series in result.series)
