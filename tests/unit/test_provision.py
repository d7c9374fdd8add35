"""The user's files and commands of a guest's first boot."""

import asyncio
from pathlib import Path

import pytest

from nestlab.deadline import Deadline
from nestlab.errors import MachineError
from nestlab.events import discard
from nestlab.lab.build.provision import provision
from nestlab.lab.wanted.spec import FileSpec, GuestSpec
from nestlab.machine.fake import FakeMachine, answer
from nestlab.machine.local import LocalMachine
from nestlab.machine.protocol import Completed
from nestlab.units import GIB


def do(spec: GuestSpec, log: Path) -> None:
    work = provision(LocalMachine("l1"), spec, log, discard, deadline=Deadline.after(20))
    asyncio.run(work)


def guest(*run: tuple[str, ...], files: tuple[FileSpec, ...] = ()) -> GuestSpec:
    return GuestSpec("l1", vcpus=1, memory=GIB, run=run, files=files)


def test_files_come_before_commands(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("content\n")
    target = tmp_path / "there"
    file = FileSpec(tmp_path / "mine", str(target), 0o640)
    log = tmp_path / "logs" / "first-boot.log"
    do(guest(("cat", str(target)), ("echo", "a b"), files=(file,)), log)
    assert target.stat().st_mode & 0o777 == 0o640
    lines = log.read_text().splitlines()
    assert lines[:2] == [f"$ cat {target}", "content"]
    assert lines[3:5] == ["$ echo 'a b'", "a b"]
    assert lines[5].startswith("[status 0, ")


def test_a_command_that_fails_ends_it_with_its_words(tmp_path: Path) -> None:
    log, never = tmp_path / "log", tmp_path / "never"
    with pytest.raises(MachineError) as caught:
        do(guest(("sh", "-c", "echo no such thing >&2; exit 3"), ("touch", str(never))), log)
    problem = caught.value
    assert problem.code == "guest.command-failed"
    assert "status 3" in problem.message
    assert problem.notes == ("no such thing",)
    assert problem.log == str(log)
    assert "no such thing" in log.read_text()
    assert not never.exists()


def test_nothing_wanted_leaves_nothing(tmp_path: Path) -> None:
    do(guest(), tmp_path / "log")
    assert list(tmp_path.iterdir()) == []


def test_packages_come_first_and_by_the_distribution_s_own_tool(tmp_path: Path) -> None:
    ran: list[tuple[str, ...]] = []

    def sh(argv: tuple[str, ...], _stdin: bytes) -> Completed:
        ran.append(argv)
        return answer("installed\n")

    machine = FakeMachine("l1", programs={"sh": sh, "true": lambda _argv, _stdin: answer()})
    spec = GuestSpec("l1", vcpus=1, memory=GIB, packages=("lvm2", "$(x)"), run=(("true",),))
    asyncio.run(provision(machine, spec, tmp_path / "log", discard, deadline=Deadline.after(5)))
    assert ran[0][3:] == ("sh", "lvm2", "$(x)")
    assert machine.ran[-1] == ("true",)
    assert "installed" in (tmp_path / "log").read_text()


def test_packages_that_cannot_be_had(tmp_path: Path) -> None:
    said = answer(status=100, stderr="E: Unable to locate package lvm3\n")
    machine = FakeMachine("l1", programs={"sh": lambda _argv, _stdin: said})
    spec = GuestSpec("l1", vcpus=1, memory=GIB, packages=("lvm3",))
    with pytest.raises(MachineError) as caught:
        asyncio.run(provision(machine, spec, tmp_path / "log", discard, deadline=Deadline.after(5)))
    assert caught.value.code == "guest.packages-not-installed"
    assert "Unable to locate package lvm3" in caught.value.notes[-1]
    assert caught.value.log == str(tmp_path / "log")
