"""Disks, caches and clocks of machines, for real on this one."""

import asyncio
import shutil
import subprocess
from pathlib import Path

import pytest

from facts_examples import cpu, facts, kvm
from nestlab.bench.disk import disk_of, drop_caches, make_folder
from nestlab.bench.launch import launch_seconds, run_timed
from nestlab.bench.record import record_machine
from nestlab.deadline import Deadline
from nestlab.errors import MachineError
from nestlab.machine.fake import FakeMachine, answer
from nestlab.machine.local import LocalMachine
from nestlab.result import names
from nestlab.verify.lscpu import Lscpu

HERE = LocalMachine()


def soon() -> Deadline:
    return Deadline.after(10)


def test_a_folder_is_made_with_its_parents(tmp_path: Path) -> None:
    folder = tmp_path / "a b" / "-c"
    asyncio.run(make_folder(HERE, str(folder), deadline=soon()))
    assert folder.is_dir()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(MachineError) as caught:
        asyncio.run(make_folder(HERE, str(tmp_path / "file" / "x"), deadline=soon()))
    assert caught.value.code == "bench.folder-failed"
    assert "Not a directory" in caught.value.notes[0]


@pytest.mark.skipif(not shutil.which("lsblk"), reason="there is no lsblk here")
def test_the_disk_behind_a_folder_is_a_whole_disk(tmp_path: Path) -> None:
    found = asyncio.run(disk_of(HERE, str(tmp_path), deadline=soon()))
    disks = subprocess.check_output(["lsblk", "-n", "-r", "-d", "-o", "NAME"], text=True).split()
    assert found is None or found in disks


def test_no_disk_is_behind_proc() -> None:
    assert asyncio.run(disk_of(HERE, "/proc", deadline=soon())) is None


@pytest.mark.parametrize(("printed", "disk"), [("nvme0n1\n", "nvme0n1"), ("", None)])
def test_what_a_machine_says_is_its_disk(printed: str, disk: str | None) -> None:
    machine = FakeMachine(programs={"sh": lambda _argv, _stdin: answer(printed)})
    assert asyncio.run(disk_of(machine, "/x", deadline=soon())) == disk


@pytest.mark.parametrize("status", [0, 2])
def test_whether_caches_were_dropped(status: int) -> None:
    machine = FakeMachine(programs={"sh": lambda _argv, _stdin: answer(status=status)})
    assert asyncio.run(drop_caches(machine, deadline=soon())) is (status == 0)


def test_both_clocks_time_a_run() -> None:
    argv = ("sh", "-c", 'sleep 0.1; printf out; printf "its words\n" >&2; exit 3')
    timed = asyncio.run(run_timed(HERE, argv, deadline=soon(), limit=1000))
    done = timed.completed
    assert (done.status, done.stdout, done.stderr) == (3, b"out", b"its words\n")
    assert timed.guest_seconds is not None
    assert 0.08 <= timed.guest_seconds <= done.elapsed + 0.02  # /proc/uptime counts hundredths


def test_arguments_travel_as_they_are() -> None:
    argv = ("printf", "%s|", "a b", "$HOME", "'\"", "", "line\nline", "-n")
    timed = asyncio.run(run_timed(HERE, argv, deadline=soon(), limit=1000))
    assert timed.completed.text == "a b|$HOME|'\"||line\nline|-n|"


CPU = "cpu  1 2 3 4 5 6 7 8 9 10"


@pytest.mark.parametrize(
    "stderr", ["", f"nestlab-clock: 2.00 1.00 / {CPU} / {CPU}\n", "nestlab-clock: x y\n"]
)
def test_a_clock_that_says_nothing_or_nonsense_is_unknown(stderr: str) -> None:
    machine = FakeMachine(programs={"sh": lambda _argv, _stdin: answer(stderr=stderr)})
    timed = asyncio.run(run_timed(machine, ("true",), deadline=soon(), limit=1000))
    assert timed.guest_seconds is None


def test_starting_a_command_here_costs_little() -> None:
    assert 0 <= asyncio.run(launch_seconds(HERE, deadline=soon())) < 1


def test_a_machine_s_entry_says_what_was_found() -> None:
    found = facts(nested={"kvm_amd": "1"})
    entry = record_machine(
        "l1/l2",
        found,
        Lscpu("AMD-V", "KVM", "full"),
        accelerator="kvm",
        emulated=True,
        kvm_enabled=True,
        extra={names.ENVELOPE_CPUS: 2},
    )
    assert (entry.level, entry.parent) == (2, "l1")
    assert entry.facts.identity["os"] == "debian 12"
    assert entry.facts.identity["cpus"] == 2
    assert entry.facts.conditions[names.CLOCKSOURCE] == "tsc"
    assert entry.facts.conditions[names.ENVELOPE_CPUS] == 2
    verified = entry.verified
    assert (verified.kvm_device, verified.guest_ran, verified.nested) == (True, True, True)
    assert (verified.virtualization, verified.hypervisor_vendor) == ("AMD-V", "KVM")


def test_what_is_unknown_is_absent_not_no() -> None:
    nothing = dict.fromkeys(("cpu", "os_release", "clocksource", "memory", "load", "kvm"))
    found = facts(**nothing, nested={}, unknown={"cpu": "OSError: gone"})
    entry = record_machine(
        "l0",
        found,
        Lscpu(None, None, None),
        accelerator=None,
        emulated=False,
        kvm_enabled=None,
        extra={},
    )
    assert (entry.level, entry.parent) == (0, None)
    assert set(entry.facts.identity) == {"arch", "kernel"}
    assert dict(entry.facts.conditions) == {}
    assert entry.facts.unknown == {"cpu": "OSError: gone"}
    assert set(entry.verified.model_dump().values()) == {None}


@pytest.mark.parametrize(
    ("device", "opens", "expected"),
    [("char", True, True), ("char", False, False), ("absent", None, False), (None, None, None)],
)
def test_a_device_that_does_not_open_is_none(
    device: str | None, opens: bool | None, expected: bool | None
) -> None:
    found = facts(kvm=kvm(device=device, open=opens).model_dump(), cpu=cpu("svm"))
    entry = record_machine(
        "l0",
        found,
        Lscpu(None, None, None),
        accelerator=None,
        emulated=False,
        kvm_enabled=None,
        extra={},
    )
    assert entry.verified.kvm_device is expected
