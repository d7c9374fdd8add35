"""Ending QEMU: for real, with harmless processes that carry an identity as QEMU does."""

import asyncio
import contextlib
import secrets
import subprocess
import sys
from collections.abc import Iterator

import pytest

from nestlab.deadline import Deadline
from nestlab.errors import CleanupError, HostError, MachineError
from nestlab.hypervisor.plan import ScratchDisk
from nestlab.hypervisor.qemu.argv import qemu_argv
from nestlab.hypervisor.qemu.disks import overlay_argv, scratch_argv
from nestlab.hypervisor.qemu.files import Files
from nestlab.hypervisor.qemu.process import end, launch, make_folders, remove_folders
from nestlab.machine.fake import FakeFile, FakeMachine, answer
from nestlab.machine.local import LocalMachine
from nestlab.machine.protocol import Completed
from plan_examples import L1, L2, plan

WAIT = "import signal, time; print('up', flush=True); time.sleep(60)"
IGNORE_TERM = WAIT.replace("time;", "time; signal.signal(signal.SIGTERM, signal.SIG_IGN);")


@pytest.fixture
def identity() -> str:
    """One that no other process of this machine has."""
    return f"nestlab-{secrets.token_hex(5)}-l1"


@contextlib.contextmanager
def process(*words: str, program: str = WAIT) -> Iterator[subprocess.Popen[bytes]]:
    """A process with these words in its command line, reaped as QEMU is by init."""
    argv = [sys.executable, "-S", "-E", "-c", program, *words]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as child:
        assert child.stdout
        try:
            assert child.stdout.readline() == b"up\n"
            yield child
        finally:
            child.kill()


def end_here(identity: str, *, patience: float = 0, grace: float = 3) -> None:
    deadline = Deadline.after(20)
    asyncio.run(end(LocalMachine(), identity, patience=patience, deadline=deadline, grace=grace))


def test_it_is_ended(identity: str) -> None:
    with process("-name", f"guest={identity}") as child:
        end_here(identity)
        assert child.wait(1) == -15


def test_one_that_ignores_term_is_killed_and_all_of_them_are_ended(identity: str) -> None:
    word = f"guest={identity}"
    with process(word, program=IGNORE_TERM) as deaf, process(word) as polite:
        end_here(identity, grace=0.3)
        assert (deaf.wait(1), polite.wait(1)) == (-9, -15)


def test_others_are_left_alone(identity: str) -> None:
    """Other labs, other guests of this lab, and those who only speak of it."""
    others = (
        ("-name", f"guest={identity}0"),
        ("-name", f"guest={identity}.l2"),
        ("-name", f"guest={identity[:-1]}"),
        ("-name", f"xguest={identity}"),
        (f"guest={identity} and more",),
        (f"grep guest={identity}",),
        (identity,),
    )
    with contextlib.ExitStack() as stack:
        children = [stack.enter_context(process(*words)) for words in others]
        end_here(identity)
        assert [child.poll() for child in children] == [None] * len(others)


def test_an_identity_is_no_pattern() -> None:
    with process("guest=nestlab-a1-l1") as child:
        end_here("nestlab-..-l1")
        end_here(".*")
        end_here("")
        assert child.poll() is None


def test_none_is_fine(identity: str) -> None:
    end_here(identity, patience=30)


def test_one_that_goes_by_itself_is_given_the_time(identity: str) -> None:
    soon = WAIT.replace("sleep(60)", "sleep(0.3)")
    with process(f"guest={identity}", program=soon) as child:
        end_here(identity, patience=5)
        assert child.wait(1) == 0


def test_one_that_cannot_be_ended_is_said() -> None:
    machine = FakeMachine(programs={"sh": lambda _argv, _stdin: answer("4711 4712\n", status=1)})
    with pytest.raises(CleanupError) as caught:
        asyncio.run(end(machine, L1.identity, patience=0, deadline=Deadline.after(5)))
    assert caught.value.code == "guest.still-running"
    assert L1.identity in caught.value.message
    assert "4711 4712" in (caught.value.hint or "")
    assert caught.value.exit_status == 7


QEMU = qemu_argv(L1, firmware=None)


def launched(machine: FakeMachine) -> int:
    return asyncio.run(launch(machine, L1, firmware=None, deadline=Deadline.after(5)))


def hypervisor(**changes: Completed) -> FakeMachine:
    """A machine with QEMU; `changes` are ends of its programs."""
    ends = {"qemu_img": answer(), "qemu": answer(), "tail": answer("from its log\n"), **changes}
    return FakeMachine(
        answers={overlay_argv(L1): ends["qemu_img"], QEMU: ends["qemu"]},
        programs={"tail": lambda _argv, _stdin: ends["tail"]},
        files={Files(L1).pid: FakeFile(b"4711\n")},
    )


def test_qemu_is_started_on_its_own_overlay() -> None:
    machine = hypervisor()
    assert launched(machine) == 4711
    assert machine.ran[:2] == [overlay_argv(L1), QEMU]


def test_scratch_disks_are_made_before_it_is_started() -> None:
    two = plan(disks=(ScratchDisk(1 << 30, "one"), ScratchDisk(2 << 30)))
    argv = qemu_argv(two, firmware=None)
    machine = FakeMachine(
        answers={overlay_argv(two): answer(), argv: answer()},
        programs={"qemu-img": lambda _argv, _stdin: answer()},
        files={Files(two).pid: FakeFile(b"4711\n")},
    )
    work = launch(machine, two, firmware=None, deadline=Deadline.after(5))
    assert asyncio.run(work) == 4711
    assert machine.ran[:4] == [overlay_argv(two), *scratch_argv(two), argv]


def test_an_overlay_that_cannot_be_made() -> None:
    machine = hypervisor(qemu_img=answer(status=1, stderr="qemu-img: No space left on device\n"))
    with pytest.raises(MachineError) as caught:
        launched(machine)
    assert caught.value.code == "guest.disk-failed"
    assert caught.value.notes == ("qemu-img: No space left on device",)
    assert QEMU not in machine.ran


def test_a_qemu_that_does_not_start_is_quoted() -> None:
    words = "qemu-system-x86_64: -cpu: unknown"
    with pytest.raises(MachineError) as caught:
        launched(hypervisor(qemu=answer(status=1, stderr=words)))
    assert caught.value.code == "guest.launch-failed"
    assert caught.value.notes == (words, "from its log")


DRIVE = "qemu-system-x86_64: -drive if=none,id=root,file=/ramfs/root.qcow2,cache.direct=on: "


@pytest.mark.parametrize(
    "words",
    [  # the first was seen with QEMU 7.2 on a ramfs, the others are in its block/file-posix.c
        "Could not open '/ramfs/root.qcow2': filesystem does not support O_DIRECT",
        "file system may not support O_DIRECT",
        "Could not find working O_DIRECT alignment",
    ],
)
def test_a_file_system_without_direct_io_has_a_remedy(words: str) -> None:
    with pytest.raises(HostError) as caught:
        launched(hypervisor(qemu=answer(status=1, stderr=f"{DRIVE}{words}\n")))
    assert caught.value.code == "guest.no-direct-io"
    assert caught.value.where == "l0, while starting l1"
    assert "NESTLAB_HOME" in (caught.value.hint or "")
    assert caught.value.notes[0].endswith(words)


def test_a_log_that_is_not_there_hides_nothing() -> None:
    failed = hypervisor(qemu=answer(status=1, stderr="words"), tail=answer("x", status=1))
    with pytest.raises(MachineError) as caught:
        launched(failed)
    assert caught.value.notes == ("words",)


@pytest.mark.parametrize("pid", [None, b"", b"garbage\n", b"-1\n", b"4711 4712\n", b"\xff\n"])
def test_a_qemu_without_a_pid(pid: bytes | None) -> None:
    machine = hypervisor()
    machine.files = {} if pid is None else {Files(L1).pid: FakeFile(pid)}
    with pytest.raises(MachineError) as caught:
        launched(machine)
    assert caught.value.code == "guest.launch-failed"


def test_a_machine_whose_qemu_is_gone() -> None:
    for program in (overlay_argv(L1), QEMU):
        machine = hypervisor()
        del machine.answers[program]
        with pytest.raises(HostError) as caught:
            launched(machine)
        assert caught.value.code == "qemu.missing"


def test_folders_come_and_go() -> None:
    machine = FakeMachine(programs=dict.fromkeys(("sh", "rm"), lambda _argv, _stdin: answer()))
    asyncio.run(make_folders(machine, L2, deadline=Deadline.after(5)))
    asyncio.run(remove_folders(machine, L2, deadline=Deadline.after(5)))
    assert machine.ran[0][-2:] == (L2.folder, L2.sockets)
    assert machine.ran[1] == ("rm", "-rf", "--", L2.folder, L2.sockets)


@pytest.mark.parametrize(
    ("work", "code"),
    [(make_folders, "guest.folder-failed"), (remove_folders, "guest.folder-not-removed")],
)
def test_folders_that_cannot(work: object, code: str) -> None:
    failing = answer(status=1, stderr="Read-only file system\n")
    machine = FakeMachine(programs=dict.fromkeys(("sh", "rm"), lambda _argv, _stdin: failing))
    assert callable(work)
    with pytest.raises(MachineError) as caught:
        asyncio.run(work(machine, L1, deadline=Deadline.after(5)))
    assert caught.value.code == code
    assert caught.value.notes == ("Read-only file system",)
