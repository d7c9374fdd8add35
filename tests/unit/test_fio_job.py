"""What a user gives of fio: job files, further options, and disks."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from nestlab.errors import UsageError, WorkloadError
from nestlab.home import Home
from nestlab.lab.measure.sources import sources_of
from nestlab.spec.bench import Bench
from nestlab.spec.choice import parse_choice
from nestlab.units import GIB, MIB
from nestlab.workload.chosen import workloads_of
from nestlab.workload.fio import Fio
from nestlab.workload.fio_job import LARGEST, JobFile, read_job_file
from nestlab.workload.protocol import Command, Device, Envelope

ENVELOPE = Envelope((0, 1), "/var/lib/lab")
JOB = b"""\xef\xbb\xbf; mine
[global]
bs = 8k
runtime=2m
ramp_time=5s

[reads]
rw=randread:8
size=2g
[mixed]
readwrite=randrw
startdelay=10
"""
SMALL = Fio(size=16 * MIB, runtime=3)


def command(fio: Fio, envelope: Envelope = ENVELOPE) -> Command:
    return fio.command(fio.cases(vcpus=2, queue_cpus=1)[0], envelope)


def test_a_job_file_says_what_it_does_how_much_and_how_long() -> None:
    job = read_job_file(JOB, "a.fio")
    assert job.directions == ("read", "write")
    assert job.size == 2 * GIB
    assert job.seconds(3) == 120 + 5 + 10
    bare = read_job_file(b"[a]\nsize=50%\nstartdelay=x\n", "a.fio")
    assert (bare.directions, bare.size, bare.seconds(7)) == (("read",), 0, 7)
    assert read_job_file(b"[a]\nrw=write\n", "a.fio").directions == ("write",)


def test_it_is_put_on_the_machine_with_the_target_in_front() -> None:
    job = read_job_file(JOB, "a.fio")
    run = command(replace(SMALL, job=job))
    (file,) = run.files
    lines = file.data.decode().splitlines()
    assert lines[: lines.index("[global]", 1)] == [
        *("[global]", "directory=/var/lib/lab", "filename=iotest", "runtime=3", "size=2G"),
        "group_reporting=1",
    ]
    assert lines[lines.index("[global]", 1) :] == [
        *("[global]", "bs = 8k", "runtime=2m", "ramp_time=5s", "[reads]", "rw=randread:8"),
        *("size=2g", "[mixed]", "readwrite=randrw", "startdelay=10"),
    ]
    assert run.argv[3:] == ("fio", "--output-format=json", file.path)
    assert "-size=2G" in run.prepare[0]  # as much as its largest job
    assert run.cleanup == (("rm", "-f", "--", "/var/lib/lab/iotest", file.path),)
    assert run.expected_seconds == 135
    other = command(replace(SMALL, job=JobFile((*job.lines, "fsync=1"))))
    assert other.files[0].path != file.path  # both may be on a machine


def test_options_go_through_a_job_file_too() -> None:
    fio = replace(SMALL, rw="randread", options={"ramp_time": "5", "fsync": "1"})
    (case,) = fio.cases(vcpus=2, queue_cpus=1)
    assert {key: case.params[key] for key in ("fio.ramp_time", "fio.fsync")} == {
        "fio.ramp_time": "5",
        "fio.fsync": "1",
    }
    run = command(fio)
    assert run.argv[3:5] == ("fio", "--output-format=json")
    assert run.files[0].data.decode().splitlines()[4:] == [
        *("[Rand_Read_Testing]", "direct=1", "iodepth=128", "rw=randread", "ioengine=libaio"),
        *("bs=4k", "size=16M", "numjobs=1", "runtime=3", "ramp_time=5", "fsync=1"),
    ]
    assert run.expected_seconds == 8


REFUSED = {
    "nothing": (b"", "a.fio: it has no job"),
    "only global": (b"[global]\nbs=4k\n", "a.fio: it has no job"),
    "no section": (b"bs=4k\n[a]\n", "a.fio:1: 'bs=4k' is no [section]"),
    "include": (b"[a]\ninclude other.fio\n", "a.fio:2: 'include other.fio' is no [section]"),
    "include, once more": (b"[a]\ninclude=other.fio\n", "a.fio:2: include cannot be used"),
    "program": (b"[a]\nbs=4k\nexec_prerun = rm\n", "a.fio:3: exec_prerun cannot be used: it can"),
    "in capitals": (b"[a]\nEXEC_POSTRUN=rm\n", "a.fio:2: EXEC_POSTRUN cannot be used"),
    "elsewhere": (b"[a]\nfilename=/dev/sda\n", "a.fio:2: filename cannot be used: it can write"),
    "network": (b"[a]\nioengine=net\n", "a.fio:2: ioengine cannot be used: engines"),
    "report": (b"[a]\nstonewall\n", "a.fio:2: stonewall cannot be used: it changes the report"),
    "direction": (b"[a]\nrw=trim\n", "a.fio:2: rw cannot be used: directions"),
    "shell": (b"[a]\nsize=$(id)\n", "a.fio:2: size cannot be used: its value"),
    "a name": (b"[$(id)]\n", "a.fio:1: '[$(id)]' is no [section]"),
    "control": (b"[a]\nbs=4k\x0bx\n", "a.fio:2: bs cannot be used: its value"),
    "bytes": (b"\xff\xfe", "a.fio: it is not UTF-8 text"),
    "large": (b"#" * (LARGEST + 1), "a.fio: it is larger than"),
}


@pytest.mark.parametrize(("data", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_what_does_more_than_io_is_refused_with_its_line(data: bytes, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_job_file(data, "a.fio")
    assert caught.value.code == "workload.bad-job-file"
    assert caught.value.message.startswith(message)


def test_a_job_file_of_a_command_line_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.fio").write_bytes(b"[a]\nrw=write\n")
    bench = Bench(workloads=(parse_choice("fio:jobfile=a.fio"), parse_choice("exits")))
    home = Home(*(tmp_path / name for name in ("cache", "state")))
    sources = asyncio.run(sources_of(bench, home, folder=tmp_path, unixbench=None))
    fio, _ = workloads_of(bench, "quick", sources)
    assert [case.case for case in fio.cases(vcpus=1, queue_cpus=1)] == ["jobfile"]
    with pytest.raises(UsageError, match="No such file") as caught:
        asyncio.run(sources_of(bench, home, folder=tmp_path / "no", unixbench=None))
    assert caught.value.code == "workload.bad-job-file"


# --- disks ----------------------------------------------------------------------------------------

DISKS = (Device("volumes", "/dev/a:b"), Device("dev0", "/dev/vdc", writable=False))
WITH_DISKS = replace(ENVELOPE, devices=DISKS)


def test_a_disk_is_the_target_in_place_of_a_file() -> None:
    run = command(replace(SMALL, device="volumes"), WITH_DISKS)
    assert "-filename=/dev/a\\:b" in run.argv
    assert not any(word.startswith("-directory") for word in (*run.argv, *run.prepare[0]))
    assert "-filename=/dev/a\\:b" in run.prepare[0]
    assert run.cleanup == ()  # there is nothing to remove
    case = replace(SMALL, device="volumes").cases(vcpus=1, queue_cpus=1)[0]
    assert case.params["device"] == "volumes"


def test_what_was_passed_through_is_read_as_it_is() -> None:
    fio = replace(SMALL, device="dev0")
    reads, writes = fio.cases(vcpus=1, queue_cpus=1)
    run = fio.command(reads, WITH_DISKS)
    with pytest.raises(WorkloadError, match="can only be read"):
        fio.command(writes, WITH_DISKS)
    assert "-filename=/dev/vdc" in run.argv
    assert run.prepare == ()


@pytest.mark.parametrize(
    ("fio", "why"),
    [
        (replace(SMALL, device="other"), "no disk 'other'"),
        (replace(SMALL, rw="randwrite", device="dev0"), "'dev0' can only be read"),
        (replace(SMALL, rw="randrw", device="dev0"), "'dev0' can only be read"),
        (replace(SMALL, job=JobFile(("[a]", "rw=write")), device="dev0"), "can only be read"),
    ],
)
def test_a_disk_that_will_not_do_is_skipped(fio: Fio, why: str) -> None:
    with pytest.raises(WorkloadError, match=why) as caught:
        command(fio, WITH_DISKS)
    assert caught.value.code == "workload.unavailable"
