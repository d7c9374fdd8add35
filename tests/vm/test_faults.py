"""Bad luck while guests boot: each is noticed at once, named, and leaves nothing."""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from leftovers import qemu_pids, snapshot
from nestlab.deadline import Deadline
from nestlab.errors import MachineError, NestlabError
from nestlab.events import Event, Progress
from nestlab.home import Home
from nestlab.hypervisor.plan import base_image
from nestlab.hypervisor.promote import promote
from nestlab.hypervisor.qemu import process
from nestlab.image.store import Image
from nestlab.lab.build.chain import bring_up_new
from nestlab.lab.record.running import Lab
from nestlab.lab.wanted.request import Request
from nestlab.lab.wanted.spec import chain_of
from nestlab.machine.local import LocalMachine


@dataclass
class Trouble:
    """Does `act` once, when a machine begins a step."""

    subject: str
    step: str
    act: Callable[[], None]
    done: bool = False

    def __call__(self, event: Event) -> None:
        wanted = Progress(self.subject, self.step)
        if event == wanted and not self.done:
            self.done = True
            self.act()


def bring_up_with(
    trouble: Callable[[Event], None],
    home: Home,
    image: Image,
    evidence: Path,
    *,
    depth: int = 1,
    boot_timeout: float = 120,
    then: Callable[[Lab], None] = lambda lab: None,
) -> NestlabError:
    """Bring a chain up and return the error that comes of it."""

    async def work() -> None:
        host = await promote(LocalMachine(), "auto", ours=False, deadline=Deadline.after(60))
        request = Request(chain_of(depth), {"debian-12": base_image(image)}, boot_timeout)
        async with bring_up_new(request, home, host, evidence=evidence, sink=trouble) as lab:
            then(lab)
            await asyncio.gather(
                *(
                    level.machine.run(("sleep", "60"), deadline=Deadline.after(90))
                    for level in lab.levels[1:]
                )
            )

    before = snapshot()
    with pytest.raises(NestlabError) as caught:
        asyncio.run(work())
    assert snapshot() == before
    assert not list(home.labs.iterdir())
    return caught.value


def nothing(_event: Event) -> None:
    """No trouble."""


def signal_qemu(number: signal.Signals, others: list[int]) -> None:
    mine = [pid for pid in qemu_pids() if pid not in others]
    assert len(mine) == 1
    os.kill(mine[0], number)


@pytest.fixture
def others() -> list[int]:
    """Guests of other tests, to be left alone."""
    return qemu_pids()


def test_a_panic_is_told_from_the_console_at_once(home: Home, image: Image, tmp_path: Path) -> None:
    """A disk without a file system: the real kernel panics for real."""
    folder = tmp_path / "image"
    folder.mkdir()
    (folder / "disk.img").write_bytes(b"")
    os.truncate(folder / "disk.img", 16 << 20)
    for name in ("vmlinuz", "initrd"):
        (folder / name).symlink_to(image.folder / name)
    started = time.monotonic()
    problem = bring_up_with(nothing, home, replace(image, folder=folder), tmp_path / "evidence")
    assert problem.code == "guest.panicked"
    assert "Unable to mount root fs" in problem.message
    assert time.monotonic() - started < 60  # the deadline is 120 s
    assert problem.log is not None
    assert "Kernel panic" in Path(problem.log).read_text("utf-8", "replace")


def test_a_guest_that_never_answers(
    home: Home, image: Image, tmp_path: Path, others: list[int]
) -> None:
    """QEMU is stopped, so that neither the guest nor its monitor ever says a word again."""
    trouble = Trouble("l1", "starting the kernel", lambda: signal_qemu(signal.SIGSTOP, others))
    problem = bring_up_with(trouble, home, image, tmp_path / "evidence", boot_timeout=6)
    assert problem.code == "guest.no-answer"
    assert "l1 has no shell after 6.0 s; last: starting the kernel" in problem.message


def test_qemu_killed_while_its_guest_boots(
    home: Home, image: Image, tmp_path: Path, others: list[int]
) -> None:
    trouble = Trouble("l1", "kernel is up", lambda: signal_qemu(signal.SIGKILL, others))
    problem = bring_up_with(trouble, home, image, tmp_path / "evidence")
    assert problem.code == "guest.died"
    assert problem.log is not None


def test_qemu_of_l1_killed_while_l2_boots(
    home: Home, image: Image, tmp_path: Path, others: list[int]
) -> None:
    trouble = Trouble("l1/l2", "starting the kernel", lambda: signal_qemu(signal.SIGKILL, others))
    problem = bring_up_with(trouble, home, image, tmp_path / "evidence", depth=2)
    assert problem.code in {"machine.lost", "qmp.lost", "guest.died"}


def test_qemu_killed_while_a_command_runs(
    home: Home, image: Image, tmp_path: Path, others: list[int]
) -> None:
    started = time.monotonic()
    problem = bring_up_with(
        nothing, home, image, tmp_path / "evidence",
        then=lambda lab: signal_qemu(signal.SIGKILL, others),
    )  # fmt: skip
    assert problem.code == "machine.lost"
    assert "l1" in problem.message
    assert time.monotonic() - started < 60


def test_qemu_says_no(home: Home, image: Image, tmp_path: Path) -> None:
    """A kernel that is not there: QEMU's own words are in the notes."""
    broken = replace(image, folder=tmp_path)
    (tmp_path / "disk.img").write_bytes(bytes(1 << 20))
    problem = bring_up_with(nothing, home, broken, tmp_path / "evidence")
    assert problem.code == "guest.launch-failed"
    assert any("vmlinuz" in note for note in problem.notes)


def test_what_a_killed_launch_left_is_found_by_its_identity() -> None:
    """QEMU that was started while nobody noted its pid is ended all the same."""
    argv = ("qemu-system-x86_64", "-M", "none", "-nodefaults", "-display", "none", "-S")
    identity = "nestlab-0123456789-l9"
    name = ("-name", f"guest={identity}", "-daemonize")

    async def work() -> None:
        machine = LocalMachine()
        assert (await machine.run((*argv, *name), deadline=Deadline.after(30))).ok
        await process.end(machine, identity, patience=0, deadline=Deadline.after(30))

    before = qemu_pids()
    asyncio.run(work())
    assert qemu_pids() == before


def test_an_error_names_machine_stage_and_remedy(
    home: Home, image: Image, tmp_path: Path, others: list[int]
) -> None:
    trouble = Trouble("l1", "network is up", lambda: signal_qemu(signal.SIGKILL, others))
    problem = bring_up_with(trouble, home, image, tmp_path / "evidence")
    assert isinstance(problem, MachineError)
    assert problem.where == "l1, while booting it"
    assert problem.hint
