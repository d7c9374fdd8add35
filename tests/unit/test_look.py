"""What a real shell shows of guests: a disk is missing only where that is proved."""

import asyncio
from pathlib import Path

import pytest

from lab_examples import L1, L2
from nestlab.deadline import Deadline
from nestlab.errors import MachineError
from nestlab.lab.build.decide import Seen
from nestlab.lab.build.look import look
from nestlab.lab.record.state import GuestRecord
from nestlab.machine.fake import FakeMachine, answer
from nestlab.machine.local import LocalMachine
from nestlab.machine.protocol import Machine


def record(folder: Path, name: str = "l1") -> GuestRecord:
    changes = {"path": name, "identity": f"nestlab-none-{name}", "folder": str(folder)}
    return L1.model_copy(update=changes)


def seen(*records: GuestRecord, machine: Machine | None = None) -> dict[str, Seen]:
    work = look(machine or LocalMachine(), records, deadline=Deadline.after(20))
    return asyncio.run(work)


def refused(*records: GuestRecord, machine: Machine | None = None) -> MachineError:
    with pytest.raises(MachineError) as caught:
        seen(*records, machine=machine)
    assert caught.value.code == "guest.not-seen"
    assert "nothing was changed" in (caught.value.hint or "")
    return caught.value


def test_a_disk_is_there_or_it_is_not(tmp_path: Path) -> None:
    (tmp_path / "l1").mkdir()
    (tmp_path / "l1" / "root.qcow2").touch()
    (tmp_path / "l2").mkdir()
    found = seen(
        record(tmp_path / "l1"), record(tmp_path / "l2", "l2"), record(tmp_path / "none", "l3")
    )
    assert found == {"l1": Seen(None, disk=True), "l2": Seen(), "l3": Seen()}


def test_a_folder_that_cannot_be_looked_into_proves_nothing(tmp_path: Path) -> None:
    """ENOTDIR and ELOOP stand for EIO and EACCES, which root does not get by asking."""
    (tmp_path / "file").touch()
    assert "Not a directory" in "".join(refused(record(tmp_path / "file")).notes)
    (tmp_path / "loop").symlink_to("loop")
    assert "symbolic links" in "".join(refused(record(tmp_path / "loop")).notes)


def test_something_else_in_the_place_of_a_disk_proves_nothing(tmp_path: Path) -> None:
    (tmp_path / "root.qcow2").mkdir()
    assert "is no file" in "".join(refused(record(tmp_path)).notes)


@pytest.mark.parametrize(
    "said",
    ["", "0 1\n", "0 1\n0\n", "0 1\n0 2\n", "0 1\nwelcome\n", "0 1\n0 1\n0 1\n", "x 1\n0 1\n"],
)
def test_an_answer_that_is_not_whole_is_none(said: str) -> None:
    machine = FakeMachine("l0", programs={"sh": lambda _argv, _stdin: answer(said)})
    error = refused(L1, L2, machine=machine)
    assert error.where == "l0, while looking at its guests"


def test_a_shell_that_lacks_what_it_takes_says_so(tmp_path: Path) -> None:
    """Without grep no process would be found, and what runs would be started a second time."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("sh", "stat", "cut", "head"):
        (tools / name).symlink_to(Path("/usr/bin") / name)

    async def run() -> dict[str, Seen]:
        machine = _Without(str(tools))
        return await look(machine, [record(tmp_path)], deadline=Deadline.after(20))

    with pytest.raises(MachineError) as caught:
        asyncio.run(run())
    assert "there is no grep" in "".join(caught.value.notes)


class _Without(LocalMachine):
    """This machine with few programs."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._tools = path

    async def run(self, argv, **options):  # type: ignore[no-untyped-def]
        return await super().run(("env", f"PATH={self._tools}", *argv), **options)
