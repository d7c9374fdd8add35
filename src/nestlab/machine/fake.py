"""A machine that exists in memory only, for tests of everything above machines.

It obeys the contract of `Machine` in full; `tests/contract/test_machine.py` holds it to that.
"""

import asyncio
import inspect
import socket
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from nestlab.deadline import Deadline
from nestlab.machine import failures
from nestlab.machine.output import Output
from nestlab.machine.protocol import OUTPUT_LIMIT, Address, Completed
from nestlab.machine.quoting import checked_argv
from nestlab.machine.replacement import replacing
from nestlab.machine.tasks import TaskSet

Program = Callable[[tuple[str, ...], bytes], Completed | Awaitable[Completed]]
"""A program by its argv and stdin; one that takes time is a coroutine and can be ended."""

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""A server's side of one connection, as for `asyncio.start_server`."""

_MISSING = "No such file or directory"


@dataclass(frozen=True)
class FakeFile:
    """A file: its bytes and its permission bits."""

    content: bytes
    mode: int = 0o600


def answer(
    stdout: bytes | str = b"",
    *,
    status: int | None = 0,
    signal: str | None = None,
    stderr: bytes | str = b"",
    elapsed: float = 0.0,
) -> Completed:
    """What a program leaves behind; its argv is filled in when it was run.

    elapsed  seconds that it pretends to take; the real time counts where that is more
    """
    return Completed(
        argv=(),
        status=None if signal else status,
        signal=signal,
        stdout=stdout.encode() if isinstance(stdout, str) else stdout,
        stderr=stderr.encode() if isinstance(stderr, str) else stderr,
        elapsed=elapsed,
    )


class FakeMachine:
    """Answers from a script, files in memory.

    answers    by the whole argv; asked first
    programs   by the name of the program; `cat` is there and reads stdin or `files`
    files      by absolute path
    folders    the folders in which files can be put
    listeners  who answers at an address
    ran        every argv that was run, in order
    running    the argv of the programs that have not ended
    """

    def __init__(
        self,
        path: str = "l0",
        *,
        answers: Mapping[tuple[str, ...], Completed | Program] | None = None,
        programs: Mapping[str, Program] | None = None,
        files: Mapping[str, FakeFile] | None = None,
        folders: Iterable[str] = ("/", "/etc", "/root", "/tmp"),  # noqa: S108
        listeners: Mapping[Address, Handler] | None = None,
    ) -> None:
        self._path = path
        self.answers = dict(answers or {})
        self.programs: dict[str, Program] = {"cat": self._cat, **(programs or {})}
        self.files = dict(files or {})
        self.folders = set(folders)
        self.listeners = dict(listeners or {})
        self.ran: list[tuple[str, ...]] = []
        self.running: list[tuple[str, ...]] = []
        self._lost = asyncio.Event()
        self._tasks = TaskSet()

    @property
    def path(self) -> str:
        """The address within a lab."""
        return self._path

    def lose(self) -> None:
        """Break the connection: what runs and what comes next raises `machine.lost`."""
        self._lost.set()

    async def run(
        self,
        argv: Sequence[str],
        *,
        deadline: Deadline,
        stdin: bytes = b"",
        limit: int = OUTPUT_LIMIT,
    ) -> Completed:
        """See `Machine.run`."""
        words = checked_argv(argv)
        self._check_connection()
        if deadline.expired:
            raise failures.deadline_passed(self._path, words, deadline)
        script = self.answers.get(words) or self.programs.get(words[0])
        self.ran.append(words)
        if script is None:
            raise failures.no_such_program(self._path, words)
        started = time.monotonic()
        self.running.append(words)
        try:
            left = await self._finish(_play(script, words, stdin), words, deadline)
        finally:
            self.running.remove(words)
        return _bounded(left, words, limit, time.monotonic() - started)

    async def _finish(
        self, program: Awaitable[Completed], words: tuple[str, ...], deadline: Deadline
    ) -> Completed:
        """The program's result, unless the connection or the deadline ends first."""
        work = asyncio.ensure_future(program)
        lost = asyncio.ensure_future(self._lost.wait())
        both = (work, lost)
        try:
            await asyncio.wait(
                both, timeout=deadline.remaining, return_when=asyncio.FIRST_COMPLETED
            )
            if work.done():
                return work.result()
            self._check_connection()
            raise failures.deadline_passed(self._path, words, deadline)
        finally:
            work.cancel()
            lost.cancel()
            await asyncio.wait(both)

    async def put(self, local: Path, remote: str, *, mode: int = 0o600) -> None:
        """See `Machine.put`."""
        self._check_connection()
        if str(PurePosixPath(remote).parent) not in self.folders:
            raise failures.put_failed(self._path, local, remote, _MISSING)
        try:
            content = await asyncio.to_thread(local.read_bytes)
        except OSError as problem:
            raise failures.put_failed(self._path, local, remote, problem) from problem
        self.files[remote] = FakeFile(content, mode)

    async def get(self, remote: str, local: Path) -> None:
        """See `Machine.get`."""
        self._check_connection()
        file = self.files.get(remote)
        if file is None:
            raise failures.get_failed(self._path, remote, local, _MISSING)
        try:
            with replacing(local) as temporary:
                temporary.write_bytes(file.content)
                temporary.chmod(file.mode & 0o777)
        except OSError as problem:
            raise failures.get_failed(self._path, remote, local, problem) from problem

    async def dial(self, address: Address) -> socket.socket:
        """See `Machine.dial`."""
        self._check_connection()
        handler = self.listeners.get(address)
        if handler is None:
            raise failures.refused(self._path, address, "Connection refused")
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        self._tasks.spawn(_serve(theirs, handler))
        return ours

    async def close(self) -> None:
        """Let go; whatever comes next raises `machine.lost`."""
        self._lost.set()
        await self._tasks.cancel_all()

    def _check_connection(self) -> None:
        if self._lost.is_set():
            raise failures.lost(self._path, "closed")

    def _cat(self, argv: tuple[str, ...], stdin: bytes) -> Completed:
        names = [word for word in argv[1:] if word != "--"]
        missing = [name for name in names if name not in self.files]
        if missing:
            return answer(status=1, stderr=f"cat: {missing[0]}: {_MISSING}\n")
        if not names:
            return answer(stdin)
        return answer(b"".join(self.files[name].content for name in names))


async def _play(script: Completed | Program, argv: tuple[str, ...], stdin: bytes) -> Completed:
    if isinstance(script, Completed):
        return script
    result = script(argv, stdin)
    return await result if inspect.isawaitable(result) else result


def _bounded(left: Completed, argv: tuple[str, ...], limit: int, elapsed: float) -> Completed:
    stdout, stderr = Output(limit), Output(limit)
    stdout.add(left.stdout)
    stderr.add(left.stderr)
    return replace(
        left,
        argv=argv,
        stdout=stdout.kept,
        stderr=stderr.kept,
        elapsed=max(elapsed, left.elapsed),
        truncated=left.truncated or stdout.truncated or stderr.truncated,
    )


async def _serve(theirs: socket.socket, handler: Handler) -> None:
    reader, writer = await asyncio.open_connection(sock=theirs)
    try:
        await handler(reader, writer)
    finally:
        writer.close()
