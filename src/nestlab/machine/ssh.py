"""A machine behind SSH, reached over any socket, so through any other machine.

Import this only where a machine is opened: asyncssh costs time that `--help` must not pay.
"""

import asyncio
import contextlib
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Sequence
from pathlib import Path
from typing import TypeVar, cast

import asyncssh

from nestlab.deadline import Deadline
from nestlab.errors import MachineError
from nestlab.machine import failures
from nestlab.machine.protocol import OUTPUT_LIMIT, Address, Completed
from nestlab.machine.pump import pump
from nestlab.machine.quoting import ending_command, remote_command
from nestlab.machine.remote_command import RemoteCommand
from nestlab.machine.sftp import get_whole, put_whole
from nestlab.machine.ssh_login import PrivateKey, log_in
from nestlab.machine.tasks import TaskSet
from nestlab.machine.transcript import Transcript

T = TypeVar("T")

_BROKEN = (asyncssh.Error, OSError)
_CUT = (BrokenPipeError, ConnectionResetError, asyncssh.ConnectionLost)

RUNS_AT_ONCE, ENDINGS_AT_ONCE, TRANSFERS_AT_ONCE = 6, 3, 1
"""Sessions of one connection by purpose; sshd allows 10 (MaxSessions in sshd_config(5)). Ending
a program needs a session of its own and must never wait for other programs."""

ENDING_PATIENCE = 20.0
"""Seconds for ending a remote program: 2 s of grace, and what a slow guest takes to start `sh`."""

CLOSE_PATIENCE = 2.0
"""Seconds to wait for a connection's orderly end before it is cut."""


async def open_ssh(
    *,
    path: str,
    sock: socket.socket,
    username: str,
    client_key: PrivateKey,
    host_key: str,
    deadline: Deadline,
) -> "SshMachine":
    """Log in over a connected socket, which belongs to the machine (or is closed) from here on.

    client_key   a private key or the path of one; no agent, no password, nothing else is tried
    host_key     the public key line (`ssh-ed25519 AAAA…`) that the server must present

    Nothing is read from ~/.ssh. Raises MachineError: `ssh.host-key-mismatch`, `ssh.auth-failed`,
    `ssh.connect-failed`, `machine.deadline`.
    """
    connection = await log_in(path, sock, username, client_key, host_key, deadline=deadline)
    return SshMachine(path, connection)


class _Session(RemoteCommand, asyncssh.SSHClientSession[bytes]):
    """A remote command in the type that asyncssh asks for."""


class SshMachine:
    """Programs are sessions of one SSH connection; made by `open_ssh`.

    A program has ended when it has exited and its stdout and stderr are closed. It runs in the
    login shell's folder and environment. At most `RUNS_AT_ONCE` run at once and more wait, so what
    stays for long is better started as a daemon.
    """

    def __init__(self, path: str, connection: asyncssh.SSHClientConnection) -> None:
        self._path = path
        self._connection = connection
        self._steps, self._pumps = TaskSet(), TaskSet()
        self._runs = asyncio.Semaphore(RUNS_AT_ONCE)
        self._endings = asyncio.Semaphore(ENDINGS_AT_ONCE)
        self._transfers = asyncio.Semaphore(TRANSFERS_AT_ONCE)

    @property
    def path(self) -> str:
        """The address within a lab."""
        return self._path

    @property
    def connection(self) -> asyncssh.SSHClientConnection:
        """For what a verb does not do: streams while a program runs, trees of files."""
        return self._connection

    async def run(
        self,
        argv: Sequence[str],
        *,
        deadline: Deadline,
        stdin: bytes = b"",
        limit: int = OUTPUT_LIMIT,
    ) -> Completed:
        """See `Machine.run`; also raises `machine.cannot-execute`, `ssh.session-refused`.

        Ending a program takes up to `ENDING_PATIENCE` beyond the deadline.
        """
        token = "nestlab" + secrets.token_hex(4)
        command = remote_command(argv, token)
        session = _Session(tuple(argv), Transcript(token, limit))
        if not await self._may_run(deadline):
            raise session.deadline_passed(self._path, deadline)
        try:
            await self._converse(session, command, stdin, deadline)
        finally:
            self._runs.release()
        return session.completed(self._path)

    async def _may_run(self, deadline: Deadline) -> bool:
        if deadline.expired:
            return False
        try:
            async with asyncio.timeout(deadline.remaining):
                return await self._runs.acquire()
        except TimeoutError:
            return False

    async def _converse(
        self, session: _Session, command: bytes, stdin: bytes, deadline: Deadline
    ) -> None:
        try:
            async with asyncio.timeout(deadline.remaining):
                # A session that is half open can only be ended once it is open.
                await asyncio.shield(self._steps.spawn(self._open(session, command)))
                session.feed(stdin)
                await session.ended.wait()
        except TimeoutError:
            await self._end(session)
            raise session.deadline_passed(self._path, deadline) from None
        except asyncio.CancelledError:
            await self._end(session)
            raise
        except _BROKEN as problem:
            raise self._lost_or(failures.session_refused(self._path, problem), problem) from problem

    async def _open(self, session: _Session, command: bytes) -> None:
        try:
            opening = self._connection.create_session(
                lambda: session,
                cast(str, command),  # asyncssh sends bytes as they are, and argv may hold any
                encoding=None,
                request_pty=False,
            )
            await self._opened(opening)
        except BaseException:
            session.connection_lost(None)
            raise

    async def _end(self, session: _Session) -> None:
        """End the program even if we are cancelled once more meanwhile."""
        await asyncio.shield(self._steps.spawn(self._end_remotely(session)))

    async def _end_remotely(self, session: _Session) -> None:
        with contextlib.suppress(*_BROKEN):
            async with asyncio.timeout(ENDING_PATIENCE):
                await session.started.wait()
                group = session.transcript.group
                if group is not None and not session.ended.is_set():
                    # Not a signal request of SSH: sshd refuses those for root (session.c).
                    async with self._endings:
                        await self._connection.run(
                            ending_command(group), stdin=asyncssh.DEVNULL, encoding=None
                        )
                    await session.ended.wait()
        session.abandon()

    async def put(self, local: Path, remote: str, *, mode: int = 0o600) -> None:
        """See `Machine.put`."""
        try:
            async with self._sftp() as sftp:
                await put_whole(sftp, local, remote, mode)
        except (*_BROKEN, ValueError) as problem:
            failure = failures.put_failed(self._path, local, remote, problem)
            raise self._lost_or(failure, problem) from problem

    async def get(self, remote: str, local: Path) -> None:
        """See `Machine.get`; the permission bits come along. For /proc and /sys: `read_text`."""
        try:
            async with self._sftp() as sftp:
                await get_whole(sftp, remote, local)
        except (*_BROKEN, ValueError) as problem:
            failure = failures.get_failed(self._path, remote, local, problem)
            raise self._lost_or(failure, problem) from problem

    async def dial(self, address: Address) -> socket.socket:
        """See `Machine.dial`; the bytes travel as a channel of the connection."""
        opening = self._opened(self._stream(address))
        try:
            reader, writer = await self._steps.settle(opening, lambda pair: pair[1].close())
        except _BROKEN as problem:
            failure = failures.refused(self._path, address, problem)
            raise self._lost_or(failure, problem) from problem
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        self._pumps.spawn(pump(theirs, reader, writer, _BROKEN))
        return ours

    async def close(self) -> None:
        """Let go of the connection; programs that still run are lost to us, not ended."""
        await self._pumps.cancel_all()
        self._connection.close()
        try:
            async with asyncio.timeout(CLOSE_PATIENCE):
                await self._connection.wait_closed()
        except TimeoutError:
            self._connection.abort()
        # Steps are not cancelled: whoever waits for one must see `machine.lost`.
        await self._steps.join()

    async def _stream(
        self, address: Address
    ) -> tuple[asyncssh.SSHReader[bytes], asyncssh.SSHWriter[bytes]]:
        if isinstance(address, str):
            return await self._connection.open_unix_connection(address)
        return await self._connection.open_connection(*address)

    @contextlib.asynccontextmanager
    async def _sftp(self) -> AsyncIterator[asyncssh.SFTPClient]:
        async with self._transfers:
            opening = self._opened(self._connection.start_sftp_client())
            sftp = await self._steps.settle(opening, asyncssh.SFTPClient.exit)
            try:
                yield sftp
            finally:
                sftp.exit()
                await sftp.wait_closed()

    async def _opened(self, opening: Awaitable[T]) -> T:
        """What is opened; asyncssh 2.24 trips over a channel that ends with its connection at the
        moment of the server's yes (`SSHClientChannel.create`, `start_sftp_client`).
        """
        try:
            return await opening
        except (AttributeError, AssertionError) as problem:
            if self._connection.is_closed():
                raise asyncssh.ConnectionLost("closed while opening") from problem
            raise

    def _lost_or(self, failure: MachineError, problem: Exception) -> MachineError:
        broken = self._connection.is_closed() or isinstance(problem, _CUT)
        return failures.lost(self._path, problem) if broken else failure
