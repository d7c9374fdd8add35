"""A boot that goes wrong: what is said, what is kept as evidence, and that nothing stays."""

import asyncio
import dataclasses
from pathlib import Path

import pytest

from facts_examples import facts
from guest_players import PANIC, READY, QemuHost, order, silent_at_first
from nestlab.errors import HostError, MachineError
from nestlab.hypervisor.qemu.boot import QemuHypervisor
from nestlab.hypervisor.qemu.files import Files
from nestlab.machine.fake import FakeFile, answer
from nestlab.machine.protocol import Completed
from plan_examples import L1, RESUMED, TCG
from qmp_peer import HANG_UP, Refuses


async def boot(host: QemuHost, folder: Path, stages: list[str], seconds: float = 5) -> None:
    hypervisor = QemuHypervisor(host, facts(), TCG, None)
    async with hypervisor.boot(order(folder, stages, seconds)):
        pytest.fail("nobody can log in here")


def failure(
    host: QemuHost, folder: Path, stages: list[str] | None = None, seconds: float = 5
) -> MachineError:
    """The error of a boot, after which the process was ended and its folders are gone."""
    with pytest.raises(MachineError) as caught:
        asyncio.run(boot(host, folder, stages if stages is not None else [], seconds))
    assert host.ended == [L1.identity]
    assert host.removed
    assert host.running == []
    return caught.value


def test_a_panic_is_said_long_before_the_deadline(tmp_path: Path) -> None:
    host, stages = QemuHost(says=PANIC), list[str]()
    error = failure(host, tmp_path, stages, seconds=600)
    assert error.code == "guest.panicked"
    assert "no init" in error.message
    assert error.log == str(tmp_path / "evidence" / "console.log")
    assert (tmp_path / "evidence" / "console.log").read_bytes() == PANIC
    assert stages[:3] == ["preparing", "starting QEMU", "starting the kernel"]
    assert host.peer.asked[-1] == "quit"


def test_the_seed_is_there_before_qemu_and_private(tmp_path: Path) -> None:
    host = QemuHost(says=PANIC)
    failure(host, tmp_path)
    seed = host.files[Files(L1).seed]
    assert seed.mode == 0o600
    assert len(seed.content) % 4096 == 0
    assert [argv[0] for argv in host.ran[:3]] == ["sh", "qemu-img", "qemu-system-x86_64"]


def test_a_resumed_guest_is_loaded_before_it_runs(tmp_path: Path) -> None:
    host, stages = QemuHost(says=PANIC), list[str]()
    wanted = dataclasses.replace(order(tmp_path, stages), plan=RESUMED)

    async def resume() -> None:
        async with QemuHypervisor(host, facts(), TCG, None).boot(wanted):
            pytest.fail("nobody can log in here")

    with pytest.raises(MachineError):
        asyncio.run(resume())
    asked = host.peer.asked
    assert asked.index("migrate-incoming") < asked.index("query-migrate") < asked.index("cont")
    assert stages[:4] == ["preparing", "starting QEMU", "loading its memory", "resuming"]
    # its kernel knows the size of the seed's disk from before
    assert len(host.files[Files(L1).seed].content) == 64 << 10
    assert host.removed


def test_a_qemu_that_dies_is_said_at_once(tmp_path: Path) -> None:
    host = QemuHost(answers={"cont": HANG_UP}, says=b"nestlab: kernel is up\n")
    error = failure(host, tmp_path, seconds=600)
    assert error.code in {"guest.died", "qmp.lost"}
    assert error.log == str(tmp_path / "evidence" / "console.log")


def test_a_death_by_panic_is_a_panic(tmp_path: Path) -> None:
    """`panic=-1` ends QEMU: whoever notices first, the console's log has the reason."""
    host = QemuHost(answers={"cont": HANG_UP}, says=b"")
    host.files[Files(L1).console_log] = FakeFile(PANIC)
    assert failure(host, tmp_path).code == "guest.panicked"


def test_a_guest_that_never_answers(tmp_path: Path) -> None:
    host, stages = QemuHost(says=READY), list[str]()
    error = failure(host, tmp_path, stages, seconds=0.6)
    assert error.code == "guest.no-answer"
    assert "0.6 s" in error.message
    assert error.where == "l1, while booting it"
    assert "--boot-timeout" in (error.hint or "")
    assert error.log
    assert stages[-3:] == ["kernel is up", "network is up", "logging in"]


def test_a_guest_that_says_nothing_at_all(tmp_path: Path) -> None:
    error = failure(QemuHost(says=b""), tmp_path, seconds=0.4)
    assert error.code == "guest.no-answer"
    assert error.log is None


def test_a_monitor_that_never_greets_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    host = QemuHost()
    host.listeners[Files(L1).monitor] = silent_at_first(host.peer)
    error = failure(host, tmp_path, seconds=1)
    assert error.code == "guest.no-answer"
    assert "starting QEMU" in error.message


def test_a_refusal_of_the_monitor(tmp_path: Path) -> None:
    error = failure(QemuHost(answers={"cont": Refuses("no such device")}), tmp_path)
    assert error.code == "qmp.failed"
    assert "no such device" in error.message


def test_a_machine_without_qemu_is_left_clean(tmp_path: Path) -> None:
    host = QemuHost()
    del host.programs["qemu-img"]
    with pytest.raises(HostError) as caught:
        asyncio.run(boot(host, tmp_path, []))
    assert caught.value.code == "qemu.missing"
    assert host.removed


def test_a_failing_clean_up_does_not_hide_what_went_wrong(tmp_path: Path) -> None:
    error = failure(QemuHost(says=PANIC, ending=answer("4711", status=1)), tmp_path)
    assert error.code == "guest.panicked"
    assert any("guest.still-running" in note for note in error.__notes__)


def test_an_interruption_takes_everything_down(tmp_path: Path) -> None:
    """Also in the moment in which QEMU runs already but its pid is not known yet."""
    host, launched = QemuHost(), asyncio.Event()

    async def cat(_argv: tuple[str, ...], _stdin: bytes) -> Completed:
        launched.set()
        await asyncio.sleep(60)
        return answer()

    async def interrupt() -> None:
        host.programs["cat"] = cat
        task = asyncio.create_task(boot(host, tmp_path, []))
        async with asyncio.timeout(5):
            await launched.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(interrupt())
    assert host.ended == [L1.identity]
    assert host.removed


def test_a_lost_machine_has_taken_its_guest_with_it(tmp_path: Path) -> None:
    """Nothing can be cleaned up on it, and that is no error of its own."""
    host = QemuHost()

    def lose(_argv: tuple[str, ...], _stdin: bytes) -> Completed:
        host.lose()
        return answer("4711\n")

    host.programs["cat"] = lose
    with pytest.raises(MachineError) as caught:
        asyncio.run(boot(host, tmp_path, []))
    assert caught.value.code == "machine.lost"
    assert not host.ended
