"""The user's files and commands of a guest's first boot."""

import asyncio
from pathlib import Path

import pytest

from nestlab.deadline import Deadline
from nestlab.errors import MachineError
from nestlab.events import discard
from nestlab.lab.provision import provision
from nestlab.lab.spec import FileSpec, GuestSpec
from nestlab.machine.local import LocalMachine
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
