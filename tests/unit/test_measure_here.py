"""Workloads that bring files are put, built, run and removed on a real machine: this one."""

import asyncio
import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import fake_qemu
from bench_players import GOLDEN
from facts_examples import cpu, facts
from nestlab.bench import peer
from nestlab.bench.course import Course
from nestlab.bench.envelope import Target
from nestlab.bench.jobs import Origin, Subject, jobs_of
from nestlab.bench.ledger import Ledger
from nestlab.bench.measure import measure
from nestlab.bench.peer import Neighbour
from nestlab.machine.local import LocalMachine
from nestlab.report.rows import rows
from nestlab.result.models import MachineRecord, Result
from nestlab.result.store import RunFolder
from nestlab.units import MIB
from nestlab.workload.binding import bind
from nestlab.workload.boot import Boot
from nestlab.workload.build import Build
from nestlab.workload.exits import Exits
from nestlab.workload.fio import Fio
from nestlab.workload.fio_job import read_job_file
from nestlab.workload.iperf3 import Iperf3
from nestlab.workload.labelled import Labelled
from nestlab.workload.protocol import Case, Command, Device, Envelope, Relation, Workload
from nestlab.workload.startable import Startable
from nestlab.workload.sysbench import SysbenchCpu
from result_examples import result as example


def measured(
    folder: Path,
    *workloads: Workload,
    peers: tuple[Neighbour, ...] = (),
    disks: tuple[Device, ...] = (),
    starts: Startable | None = None,
) -> Result:
    cpus = tuple(sorted(os.sched_getaffinity(0)))[:2]
    target = Target("l0", facts(cpu=cpu(usable=cpus)), str(folder), None, disks)
    parent = Subject(LocalMachine(), target, peers=peers)
    subject = replace(parent, origin=Origin(parent, starts))
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
            save_raw=RunFolder.create(folder.parent / "runs").save_raw,
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


@pytest.mark.skipif(not shutil.which("fio"), reason="no fio here")
@pytest.mark.parametrize("direct", [True, False])
def test_fio_with_options_and_from_a_job_file(tmp_path: Path, direct: bool) -> None:
    small = Fio(size=2 * MIB, runtime=2, numjobs=1, direct=direct, ioengine="psync")
    job = read_job_file(b"# mine\n[global]\nrw=randrw\nbs=8k\n[a]\nrwmixread=50\n[b]\n", "a.fio")
    result = measured(
        tmp_path,
        Labelled(replace(small, rw="randread", options={"thinktime": "50"}), "thinktime=50"),
        replace(small, job=job),
    )
    reasons = {series.reason for series in result.series if series.status != "ok"}
    assert reasons == set()
    figures = {(series.case, series.metric) for series in result.series}
    assert ("randread thinktime=50", "latency_p99_9") in figures
    assert ("jobfile", "read_iops") in figures
    assert ("jobfile", "write_bandwidth_mb") in figures
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not shutil.which("fio"), reason="no fio here")
def test_fio_on_a_disk_of_its_own_that_stays(tmp_path: Path) -> None:
    folder, disk = tmp_path / "folder", tmp_path / "a:disk"
    folder.mkdir()
    disk.write_bytes(bytes(2 * MIB))
    workload = Fio(size=MIB, runtime=2, numjobs=1, rw="randwrite", device="volumes")
    result = measured(folder, workload, disks=(Device("volumes", str(disk)),))
    assert {series.reason for series in result.series if series.status != "ok"} == set()
    written = disk.read_bytes()
    assert any(written[:MIB])
    assert not any(written[MIB:])
    assert list(folder.iterdir()) == []


@pytest.mark.skipif(not shutil.which("fio"), reason="no fio here")
def test_an_option_that_fio_does_not_have_is_its_own_error(tmp_path: Path) -> None:
    wrong = Fio(size=MIB, runtime=1, rw="read", numjobs=1, options={"no_such_option": "1"})
    result = measured(tmp_path, wrong)
    assert {series.status for series in result.series} == {"failed"}
    assert all("no_such_option" in str(series.reason) for series in result.series)
    assert list(tmp_path.iterdir()) == []


def here(*relations: Relation) -> tuple[Neighbour, ...]:
    return tuple(Neighbour(each, LocalMachine("l1"), "127.0.0.1") for each in relations)


@pytest.mark.skipif(not shutil.which("iperf3"), reason="no iperf3 here")
def test_iperf3_with_a_server_of_its_own(tmp_path: Path) -> None:
    workload = Iperf3(seconds=1, streams=(2,))
    result = measured(tmp_path, workload, peers=here("parent"))
    status = {(series.case, series.status) for series in result.series}
    assert {case for case, found in status if found == "ok"} == {"parent-2", "parent-2-reverse"}
    assert {case for case, found in status if found == "skipped"} == {
        *("sibling-2", "sibling-2-reverse"),
    }
    reasons = {series.reason for series in result.series if series.status == "skipped"}
    assert all("`networks` of the lab file" in str(reason) for reason in reasons)
    assert servers() == []


class Unreachable(Iperf3):
    """Whose client talks to a port on which nobody listens."""

    def command(self, case: Case, envelope: Envelope) -> Command:
        command = super().command(case, envelope)
        place = command.argv.index("-p") + 1
        return replace(command, argv=(*command.argv[:place], "1", *command.argv[place + 1 :]))


@pytest.mark.skipif(not shutil.which("iperf3"), reason="no iperf3 here")
def test_a_server_whose_client_fails_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peer, "_END", 0.2)  # it waits for a client that never comes
    result = measured(tmp_path, Unreachable(seconds=1, streams=(1,)), peers=here("parent"))
    reasons = {series.reason for series in result.series if series.case == "parent-1"}
    assert all("Connection refused" in str(reason) for reason in reasons)
    assert servers() == []


def servers() -> list[str]:
    """The iperf3 servers that this process has left behind."""
    mine = f"/proc/{os.getpid()}/task/{os.getpid()}/children"
    children = Path(mine).read_text().split()
    lines = [Path(f"/proc/{pid}/cmdline").read_bytes().decode() for pid in children]
    return [line for line in lines if "iperf3" in line]


@pytest.mark.skipif(
    not all(map(shutil.which, ("python3", "qemu-img", "taskset"))), reason="no qemu-img here"
)
def test_a_guest_is_started_and_nothing_of_it_stays(tmp_path: Path) -> None:
    folder, twin = tmp_path / "folder", tmp_path / "twin"
    folder.mkdir()
    words = (sys.executable, fake_qemu.__file__, f"{twin}/qmp", f"{twin}/console")
    paths = (f"{twin}", f"{twin}", f"{tmp_path}/seed.tar", f"{twin}/console", f"{twin}/qmp")
    overlay = ("qemu-img", "create", "-q", "-f", "qcow2", f"{twin}/root.qcow2", "1M")
    result = measured(folder, Boot(), starts=Startable(overlay, words, *paths))
    assert {(series.metric, series.status) for series in result.series} == {
        *(("ssh", "ok"), ("multi_user", "ok")),
    }
    assert not twin.exists()
    assert list(folder.iterdir()) == []


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
