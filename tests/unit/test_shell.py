import asyncio
from collections.abc import Awaitable, Iterator

import pytest

from nestlab.deadline import Deadline
from nestlab.errors import MachineError
from nestlab.machine.fake import FakeFile, FakeMachine, answer
from nestlab.machine.shell import NotYet, check, read_text, wait_for


def soon(seconds: float = 5.0) -> Deadline:
    return Deadline.after(seconds)


def failure(work: Awaitable[object]) -> MachineError:
    async def awaited() -> None:
        await work

    with pytest.raises(MachineError) as caught:
        asyncio.run(awaited())
    return caught.value


def test_check_returns_what_succeeded() -> None:
    machine = FakeMachine(answers={("uname", "-r"): answer("6.1.0\n")})
    done = asyncio.run(check(machine, ("uname", "-r"), deadline=soon(), code="x"))
    assert done.text == "6.1.0\n"
    assert machine.ran == [("uname", "-r")]


def test_check_says_how_and_where_it_failed() -> None:
    noise = "".join(f"line {number}\n" for number in range(20))
    machine = FakeMachine("l1", answers={("modprobe", "kvm"): answer(status=1, stderr=noise)})
    error = failure(
        check(machine, ("modprobe", "kvm"), deadline=soon(), code="kvm.no-module", hint="load it")
    )
    assert (error.code, error.hint) == ("kvm.no-module", "load it")
    assert error.message == "`modprobe kvm` exited with 1"
    assert error.where == "l1, while running modprobe"
    assert error.notes == tuple(f"line {number}" for number in range(15, 20))


def test_check_falls_back_on_stdout_and_names_a_signal() -> None:
    machine = FakeMachine(answers={("fio",): answer("out of memory", signal="KILL")})
    error = failure(check(machine, ("fio",), deadline=soon(), code="x"))
    assert error.message == "`fio` was ended by signal KILL"
    assert error.notes == ("out of memory",)


def test_long_commands_are_shown_shortened() -> None:
    argv = ("sh", "-c", "first line\nsecond line" + "x" * 500)
    machine = FakeMachine(answers={argv: answer(status=2)})
    message = failure(check(machine, argv, deadline=soon(), code="x")).message
    assert "\n" not in message
    assert len(message) < 150


def test_read_text() -> None:
    machine = FakeMachine(files={"/etc/issue": FakeFile(b"Debian \xff\n")})
    assert asyncio.run(read_text(machine, "/etc/issue", deadline=soon())) == "Debian \\xff\n"


def test_read_text_of_a_missing_file() -> None:
    error = failure(read_text(FakeMachine(), "/missing", deadline=soon()))
    assert error.code == "machine.read-failed"
    assert error.notes == ("cat: /missing: No such file or directory",)


def test_read_text_of_a_file_that_is_too_large() -> None:
    machine = FakeMachine(files={"/big": FakeFile(b"x" * 100)})
    error = failure(read_text(machine, "/big", deadline=soon(), limit=99))
    assert error.code == "machine.file-too-large"


def test_wait_for_returns_what_the_probe_found() -> None:
    seen: Iterator[int | NotYet] = iter([NotYet("refused"), NotYet("refused"), 42])

    async def probe() -> int | NotYet:
        return next(seen)

    found = asyncio.run(wait_for(probe, deadline=soon(), what="ssh", where="l1", pause=0.001))
    assert found == 42


def test_wait_for_says_what_it_saw_last() -> None:
    async def probe() -> int | NotYet:
        return NotYet("connection refused")

    waiting = wait_for(probe, deadline=soon(0.1), what="ssh", where="l1", pause=0.01, code="boot.x")
    error = failure(waiting)
    assert error.code == "boot.x"
    assert error.message == "ssh not ready after 0.1 s; last: connection refused"


def test_wait_for_ends_a_probe_that_hangs() -> None:
    async def probe() -> int | NotYet:
        await asyncio.sleep(60)
        return 1

    error = failure(wait_for(probe, deadline=soon(0.05), what="ssh", where="l1"))
    assert "the first probe did not return" in error.message


def test_wait_for_passes_on_what_the_probe_raises() -> None:
    async def probe() -> int | NotYet:
        raise TimeoutError("its own")

    with pytest.raises(TimeoutError, match="its own"):
        asyncio.run(wait_for(probe, deadline=soon(), what="ssh", where="l1"))
