"""L0: the machine that nestlab itself runs on."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from nestlab.deadline import Deadline
from nestlab.machine import failures
from nestlab.machine.output import Output
from nestlab.machine.protocol import OUTPUT_LIMIT, Address, Completed
from nestlab.machine.quoting import checked_argv
from nestlab.machine.replacement import copy_whole

TERM_GRACE = 2.0
"""Seconds between TERM and KILL."""
KILL_PATIENCE = 5.0
"""Seconds to wait for a killed process; one that sleeps in the kernel cannot be waited for."""


_SYSTEM = ("/usr/sbin", "/sbin")


class LocalMachine:
    """Programs are children of this process, each in its own session and process group.

    A program has ended when it has exited and its stdout and stderr are closed: a child that it
    left behind with those open is waited for, up to the deadline. Programs of the system's
    administrators are found even where a user's PATH leaves them out, as Debian's does.
    """

    def __init__(self, path: str = "l0") -> None:
        self._path = path

    @property
    def path(self) -> str:
        """The address within a lab."""
        return self._path

    async def run(
        self,
        argv: Sequence[str],
        *,
        deadline: Deadline,
        stdin: bytes = b"",
        limit: int = OUTPUT_LIMIT,
    ) -> Completed:
        """See `Machine.run`; also raises `machine.cannot-execute`."""
        words = checked_argv(argv)
        if deadline.expired:
            raise failures.deadline_passed(self._path, words, deadline)
        child = await self._start(words, stdin, limit)
        try:
            async with asyncio.timeout(deadline.remaining):
                await child.ended.wait()
        except TimeoutError:
            await child.end()
            last_seen = child.stderr.kept or child.stdout.kept
            raise failures.deadline_passed(self._path, words, deadline, last_seen) from None
        except asyncio.CancelledError:
            await child.end()
            raise
        return child.completed(words)

    async def _start(self, argv: tuple[str, ...], stdin: bytes, limit: int) -> "_Child":
        loop = asyncio.get_running_loop()
        try:
            _, child = await loop.subprocess_exec(
                lambda: _Child(limit),
                *argv,
                stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
                start_new_session=True,
                env={**os.environ, "PATH": search_path(os.environ)},
            )
        except (FileNotFoundError, NotADirectoryError):
            raise failures.no_such_program(self._path, argv) from None
        except OSError as problem:
            reason = problem.strerror or str(problem)
            raise failures.cannot_execute(self._path, argv, reason) from None
        child.feed(stdin)
        return child

    async def put(self, local: Path, remote: str, *, mode: int = 0o600) -> None:
        """See `Machine.put`."""
        try:
            await copy_whole(local, Path(remote), mode)
        except (OSError, ValueError) as problem:
            raise failures.put_failed(self._path, local, remote, problem) from problem

    async def get(self, remote: str, local: Path) -> None:
        """See `Machine.get`; the permission bits come along."""
        try:
            await copy_whole(Path(remote), local)
        except (OSError, ValueError) as problem:
            raise failures.get_failed(self._path, remote, local, problem) from problem

    async def dial(self, address: Address) -> socket.socket:
        """See `Machine.dial`."""
        try:
            if isinstance(address, str):
                return await _connect(socket.AF_UNIX, address)
            return await _connect_tcp(*address)
        except OSError as problem:
            raise failures.refused(self._path, address, problem) from problem

    async def close(self) -> None:
        """Nothing is held."""


def search_path(environment: Mapping[str, str]) -> str:
    """PATH with /usr/sbin and /sbin, which have mkfs.ext4 and sshd, after the user's own choice."""
    path = environment.get("PATH") or os.defpath
    more = (folder for folder in _SYSTEM if folder not in path.split(os.pathsep))
    return os.pathsep.join((path, *more))


class _Child(asyncio.SubprocessProtocol):
    """One started program: what it wrote, and how to end all of its group."""

    def __init__(self, limit: int) -> None:
        self.stdout, self.stderr = Output(limit), Output(limit)
        self.ended = asyncio.Event()
        self._exited = asyncio.Event()
        self._started = self._stopped = time.monotonic()
        self._transport: asyncio.SubprocessTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The program runs."""
        self._transport = cast(asyncio.SubprocessTransport, transport)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """The program wrote."""
        (self.stdout if fd == 1 else self.stderr).add(data)

    def process_exited(self) -> None:
        """The program is reaped; what it left behind may still hold its pipes."""
        self._stopped = time.monotonic()
        self._exited.set()

    def connection_lost(self, _exc: Exception | None) -> None:
        """The program has exited and its pipes are closed."""
        self._transport.close()
        self.ended.set()

    def feed(self, stdin: bytes) -> None:
        """Write all of stdin and close it; a program that does not read it does no harm."""
        pipe = cast("asyncio.WriteTransport | None", self._transport.get_pipe_transport(0))
        if pipe is not None:
            pipe.write(stdin)
            pipe.close()

    async def end(self) -> None:
        """End the whole group: TERM, grace, KILL; asyncio's child watcher reaps the leader."""
        try:
            self._signal_group(signal.SIGTERM)
            await _wait_at_most(TERM_GRACE, self.ended)
        finally:
            # Also when we are cancelled once more: nothing may be left running.
            self._signal_group(signal.SIGKILL)
        await _wait_at_most(KILL_PATIENCE, self._exited)
        self._transport.close()

    def _signal_group(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._transport.get_pid(), number)

    def completed(self, argv: tuple[str, ...]) -> Completed:
        """The result, once `ended`."""
        code = self._transport.get_returncode() or 0
        return Completed(
            argv=argv,
            status=code if code >= 0 else None,
            signal=_signal_name(-code) if code < 0 else None,
            stdout=self.stdout.kept,
            stderr=self.stderr.kept,
            elapsed=self._stopped - self._started,
            truncated=self.stdout.truncated or self.stderr.truncated,
        )


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name.removeprefix("SIG")
    except ValueError:
        return str(number)  # most real-time signals have no name


async def _wait_at_most(seconds: float, event: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


async def _connect_tcp(host: str, port: int) -> socket.socket:
    """The first of the host's addresses that accepts. Raises the OSError of the last one."""
    loop = asyncio.get_running_loop()
    problem = OSError(f"{host} has no address")
    for family, _, _, _, address in await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        try:
            return await _connect(family, address)
        except OSError as refusal:
            problem = refusal
    raise problem


async def _connect(family: socket.AddressFamily, address: Any) -> socket.socket:
    stream = socket.socket(family, socket.SOCK_STREAM)
    stream.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(stream, address)
    except BaseException:
        stream.close()
        raise
    return stream
