"""The contract of `Machine`, held against every kind of it: running programs."""

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest

from machine_worlds import (
    BOTH_OUTPUTS,
    EXIT_7,
    KILL_SELF,
    NOT_UTF8,
    TEN_MB,
    Subject,
    World,
    appears,
    gone,
    processes,
    sleeper,
    soon,
)
from nestlab.errors import MachineError, UsageError


def real_only(world: World) -> None:
    if world.kind == "fake":
        pytest.skip("about real processes")


def test_exit_status(world: World) -> None:
    async def story(on: Subject) -> None:
        done = await on.machine.run(EXIT_7, deadline=soon())
        assert (done.argv, done.status, done.signal, done.ok) == (EXIT_7, 7, None, False)
        assert (done.stdout, done.stderr, done.truncated) == (b"", b"", False)
        assert 0 <= done.elapsed < 5

    world.play(story)


def test_signal(world: World) -> None:
    async def story(on: Subject) -> None:
        done = await on.machine.run(KILL_SELF, deadline=soon())
        assert (done.status, done.signal, done.ok) == (None, "KILL", False)

    world.play(story)


def test_stdout_and_stderr_are_apart(world: World) -> None:
    async def story(on: Subject) -> None:
        done = await on.machine.run(BOTH_OUTPUTS, deadline=soon())
        assert (done.stdout, done.stderr, done.status) == (b"to stdout\n", b"to stderr\n", 3)

    world.play(story)


@pytest.mark.parametrize("size", [0, 5, 3_000_000])
def test_stdin(world: World, size: int) -> None:
    async def story(on: Subject) -> None:
        stdin = os.urandom(size)
        done = await on.machine.run(("cat",), deadline=soon(), stdin=stdin)
        assert done.stdout == stdin

    world.play(story)


def test_stdin_that_nobody_reads(world: World) -> None:
    async def story(on: Subject) -> None:
        done = await on.machine.run(EXIT_7, deadline=soon(), stdin=bytes(5_000_000))
        assert done.status == 7

    world.play(story)


def test_long_output_is_kept_whole(world: World) -> None:
    async def story(on: Subject) -> None:
        done = await on.machine.run(TEN_MB, deadline=soon())
        assert (len(done.stdout), done.truncated) == (10 << 20, False)

    world.play(story)


def test_output_beyond_the_limit_is_thrown_away(world: World) -> None:
    async def story(on: Subject) -> None:
        done = await on.machine.run(TEN_MB, deadline=soon(), limit=1000)
        assert (done.stdout, done.truncated, done.status) == (bytes(1000), True, 0)
        exact = await on.machine.run(TEN_MB, deadline=soon(), limit=10 << 20)
        assert not exact.truncated

    world.play(story)


def test_output_that_is_not_utf8(world: World) -> None:
    async def story(on: Subject) -> None:
        done = await on.machine.run(NOT_UTF8, deadline=soon())
        assert done.stdout == b"\xff\x00\xfe\n"
        assert done.text == "\\xff\x00\\xfe\n"

    world.play(story)


def test_arguments_arrive_as_they_are(world: World) -> None:
    arguments = ("", "it's", '"$HOME" `id` \\', "two\nlines\n", "-n", "--", "~", "A=b", "*", "ü €")

    async def story(on: Subject) -> None:
        done = await on.machine.run(("printf", r"%s\0", *arguments), deadline=soon())
        assert done.stdout.decode().split("\0") == [*arguments, ""]

    world.play(story)


@pytest.mark.parametrize("argv", [(), ("",), ("-x",), ("echo", "a\0b")])
def test_impossible_argv(world: World, argv: tuple[str, ...]) -> None:
    async def story(on: Subject) -> None:
        with pytest.raises(UsageError) as caught:
            await on.machine.run(argv, deadline=soon())
        assert caught.value.code == "argv.invalid"

    world.play(story)


@pytest.mark.parametrize("name", ["nestlab-no-such", "/nestlab/no-such", "./it's"])
def test_no_such_program(world: World, name: str) -> None:
    async def story(on: Subject) -> None:
        with pytest.raises(MachineError) as caught:
            await on.machine.run((name, "x"), deadline=soon())
        assert caught.value.code == "machine.no-such-program"

    world.play(story)


@pytest.mark.parametrize("name", ["/etc/passwd", "/etc"])
def test_file_that_is_no_program(world: World, name: str) -> None:
    real_only(world)

    async def story(on: Subject) -> None:
        with pytest.raises(MachineError) as caught:
            await on.machine.run((name,), deadline=soon())
        assert caught.value.code == "machine.cannot-execute"

    world.play(story)


def test_program_that_says_127_itself(world: World) -> None:
    real_only(world)

    async def story(on: Subject) -> None:
        done = await on.machine.run(("sh", "-c", "exec nestlab-no-such"), deadline=soon())
        assert done.status == 127
        assert b"not found" in done.stderr

    world.play(story)


def test_deadline_ends_the_program(world: World) -> None:
    async def story(on: Subject) -> None:
        argv, started = sleeper(), time.monotonic()
        with pytest.raises(MachineError) as caught:
            await on.machine.run(argv, deadline=soon(0.4))
        assert caught.value.code == "machine.deadline"
        assert "did not end within 0.4 s" in caught.value.message
        assert time.monotonic() - started < 3
        assert await gone(on, argv)

    world.play(story)


def test_deadline_that_has_passed(world: World) -> None:
    async def story(on: Subject) -> None:
        with pytest.raises(MachineError) as caught:
            await on.machine.run(sleeper(), deadline=soon(0))
        assert caught.value.code == "machine.deadline"

    world.play(story)


def test_deadline_ends_a_group_that_ignores_term(world: World) -> None:
    real_only(world)

    async def story(on: Subject) -> None:
        child = sleeper()
        script = f"trap '' TERM; echo last words >&2; {' '.join(child)} & sleep 78; wait"
        with pytest.raises(MachineError) as caught:
            await on.machine.run(("sh", "-c", script), deadline=soon(0.4))
        assert caught.value.notes == ("last words",)
        assert await gone(on, child)

    world.play(story)


def test_cancelling_ends_the_program(world: World) -> None:
    async def story(on: Subject) -> None:
        argv = sleeper()
        task = asyncio.create_task(on.machine.run(argv, deadline=soon()))
        await appears(on.is_running, argv)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await gone(on, argv)

    world.play(story)


def test_many_programs_at_once(world: World) -> None:
    async def story(on: Subject) -> None:
        runs = (on.machine.run(EXIT_7, deadline=soon()) for _ in range(15))  # sshd has 10
        assert {done.status for done in await asyncio.gather(*runs)} == {7}

    world.play(story)


def test_lost_connection(world: World) -> None:
    if world.kind == "local":
        pytest.skip("the local machine has no connection")

    async def story(on: Subject) -> None:
        argv = sleeper()
        task = asyncio.create_task(on.machine.run(argv, deadline=soon(60)))
        await appears(on.is_running, argv)
        on.cut()
        with pytest.raises(MachineError) as caught:
            await asyncio.wait_for(task, 3)
        assert caught.value.code == "machine.lost"
        for pid in processes(argv):  # nobody can end it any more
            os.kill(pid, signal.SIGKILL)
        with pytest.raises(MachineError) as caught:
            await on.machine.run(EXIT_7, deadline=soon())
        assert caught.value.code == "machine.lost"
        with pytest.raises(MachineError) as caught:
            await on.machine.put(Path(__file__), on.folder + "/file")
        assert caught.value.code == "machine.lost"
        with pytest.raises(MachineError) as caught:
            await on.machine.dial(("127.0.0.1", 9))
        assert caught.value.code == "machine.lost"

    world.play(story)


def test_close_twice(world: World) -> None:
    async def story(on: Subject) -> None:
        await on.machine.close()
        await on.machine.close()

    world.play(story)
