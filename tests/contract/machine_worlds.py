"""The worlds in which the machine contract is tested: the local machine and the fake."""

import asyncio
import contextlib
import os
import stat
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from nestlab.deadline import Deadline
from nestlab.machine.fake import FakeFile, FakeMachine, Handler, answer
from nestlab.machine.local import LocalMachine
from nestlab.machine.protocol import Address, Completed, Machine

EXIT_7 = ("sh", "-c", "exit 7")
KILL_SELF = ("sh", "-c", "kill -KILL $$")
BOTH_OUTPUTS = ("sh", "-c", "echo to stdout; echo to stderr >&2; exit 3")
NOT_UTF8 = ("printf", r"\377\000\376\n")
TEN_MB = ("head", "-c", "10485760", "/dev/zero")


def soon(seconds: float = 10.0) -> Deadline:
    return Deadline.after(seconds)


@dataclass
class Subject:
    """One machine under test and what a test may look at behind its back."""

    machine: Machine
    folder: str
    is_running: Callable[[tuple[str, ...]], bool]
    names: Callable[[], set[str]]
    mode: Callable[[str], int]
    serve: Callable[[Address, Handler], contextlib.AbstractAsyncContextManager[None]]
    cut: Callable[[], None]


Opening = Callable[[Path], contextlib.AbstractAsyncContextManager[Subject]]


@dataclass
class World:
    """A kind of machine; `play` opens one, runs a story on it and checks that no task is left."""

    kind: str
    open: Opening
    folder: Path

    def play(self, story: Callable[[Subject], Awaitable[None]]) -> None:
        async def whole() -> None:
            async with self.open(self.folder) as subject:
                await story(subject)
            await asyncio.sleep(0)
            assert asyncio.all_tasks() == {asyncio.current_task()}

        asyncio.run(whole())


def processes(argv: tuple[str, ...]) -> list[int]:
    """The pids of the living processes with exactly this command line."""
    wanted = b"".join(os.fsencode(word) + b"\0" for word in argv)
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and (entry / "cmdline").read_bytes() == wanted:
                found.append(int(entry.name))
    return found


async def appears(is_running: Callable[[tuple[str, ...]], bool], argv: tuple[str, ...]) -> None:
    """Wait until a program that was just started is there."""
    deadline = soon()
    while not is_running(argv):
        assert not deadline.expired
        await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def real_server(address: Address, handler: Handler) -> AsyncIterator[None]:
    if isinstance(address, str):
        server = await asyncio.start_unix_server(handler, address)
    else:
        server = await asyncio.start_server(handler, *address)
    async with server:
        yield


def real_subject(machine: Machine, folder: Path, cut: Callable[[], None]) -> Subject:
    return Subject(
        machine=machine,
        folder=str(folder),
        is_running=lambda argv: bool(processes(argv)),
        names=lambda: {path.name for path in folder.iterdir()},
        mode=lambda path: stat.S_IMODE(Path(path).stat().st_mode),
        serve=real_server,
        cut=cut,
    )


@contextlib.asynccontextmanager
async def open_local(folder: Path) -> AsyncIterator[Subject]:
    machine = LocalMachine()
    yield real_subject(machine, folder, lambda: None)
    await machine.close()


async def _fake_sleep(argv: tuple[str, ...], _stdin: bytes) -> Completed:
    await asyncio.sleep(float(argv[1]))
    return answer()


def _fake_printf(argv: tuple[str, ...], _stdin: bytes) -> Completed:
    return answer("".join(f"{word}\0" for word in argv[2:]))


@contextlib.asynccontextmanager
async def open_fake(_folder: Path) -> AsyncIterator[Subject]:
    machine = FakeMachine(
        answers={
            EXIT_7: answer(status=7),
            KILL_SELF: answer(signal="KILL"),
            BOTH_OUTPUTS: answer("to stdout\n", status=3, stderr="to stderr\n"),
            NOT_UTF8: answer(b"\xff\x00\xfe\n"),
            TEN_MB: answer(bytes(10 << 20)),
            ("true",): answer(),
        },
        programs={"sleep": _fake_sleep, "printf": _fake_printf},
        folders={"/tmp"},
    )

    @contextlib.asynccontextmanager
    async def serve(address: Address, handler: Handler) -> AsyncIterator[None]:
        machine.listeners[address] = handler
        yield
        del machine.listeners[address]

    yield Subject(
        machine=machine,
        folder="/tmp",
        is_running=lambda argv: argv in machine.running,
        names=lambda: {Path(path).name for path in machine.files},
        mode=lambda path: machine.files.get(path, FakeFile(b"")).mode,
        serve=serve,
        cut=machine.lose,
    )
    await machine.close()


def sleeper() -> tuple[str, ...]:
    """A program that runs for a while and that no other test runs."""
    return ("sleep", f"77.{time.monotonic_ns()}")


async def gone(on: Subject, argv: tuple[str, ...]) -> bool:
    """Whether the program disappears at once; a killed one is reaped a moment later."""
    for _ in range(20):
        if not on.is_running(argv):
            return True
        await asyncio.sleep(0.02)
    return False
