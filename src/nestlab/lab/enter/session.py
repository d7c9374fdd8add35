"""A program on a lab's machine with our own streams: nothing is collected, signals are passed on.

Import this only where a program is run: asyncssh costs time that `--help` must not pay.
"""

import asyncio
import secrets
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, cast

import asyncssh

from nestlab.deadline import Deadline
from nestlab.errors import HostError, MachineError
from nestlab.lab.enter.descriptors import read_on, write_all
from nestlab.lab.enter.marks import Marks
from nestlab.machine import failures
from nestlab.machine.quoting import NOT_FOUND, ending_command, remote_command
from nestlab.machine.ssh import ENDING_PATIENCE, SshMachine
from nestlab.machine.tasks import TaskSet

PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_CHUNK = 256 * 1024
_PATIENT_SIGNALS = 2
"""So many signals are passed on; at the next one the program is ended."""
_UNNAMED_SIGNAL = 255
"""The status for signals that SSH has no name for, as OpenSSH's client has it."""
_BROKEN = (asyncssh.Error, OSError)


async def converse(
    machine: SshMachine, argv: Sequence[str], descriptors: tuple[int, int, int] = (0, 1, 2)
) -> int:
    """Run a program with these as its stdin, stdout and stderr; returns its exit status.

    128 + n for a signal n, as shells say it. SIGINT, SIGTERM, SIGHUP and SIGQUIT of this process
    go to the program's whole group; after the second, it is ended. A reader of ours that goes away
    ends it too (141). Raises MachineError: `machine.no-such-program`, `machine.cannot-execute`,
    `machine.lost`, `ssh.session-refused`, `ssh.shell-failed`; HostError `exec.not-written`;
    UsageError `argv.invalid`, `argv.too-long`.
    """
    token = "nestlab" + secrets.token_hex(4)
    command = cast(str, remote_command(argv, token))  # asyncssh sends bytes as they are
    try:
        process = await machine.connection.create_process(command, encoding=None)
    except _BROKEN as problem:
        lost = machine.connection.is_closed()
        words = failures.lost if lost else failures.session_refused
        raise words(machine.path, problem) from problem
    talk = _Talk(machine, process, Marks(token), descriptors)
    loop = asyncio.get_running_loop()
    for number in PASSED_ON:
        # They stay ours until the loop ends: what follows is only the closing of connections.
        loop.add_signal_handler(number, talk.on_signal, number)
    status = await talk.run()
    return talk.judged(tuple(argv), status)


class _UnwrittenError(Exception):
    """One of our own outputs takes nothing more."""

    def __init__(self, reason: OSError) -> None:
        super().__init__(reason)
        self.reason = reason


async def _write(descriptor: int, data: bytes) -> None:
    try:
        await write_all(descriptor, data)
    except OSError as problem:
        raise _UnwrittenError(problem) from problem


async def _all(tasks: list[asyncio.Task[None]]) -> None:
    """Until the last has ended, or the first has failed."""
    await asyncio.gather(*tasks)


def _not_written(reason: OSError) -> HostError:
    return HostError(
        "exec.not-written",
        f"what the command prints cannot be written: {reason.strerror}",
        hint="free some space, or let it print to another place; the command was ended",
    )


class _Talk:
    """One program while it runs."""

    def __init__(
        self,
        machine: SshMachine,
        process: asyncssh.SSHClientProcess[bytes],
        marks: Marks,
        descriptors: tuple[int, int, int],
    ) -> None:
        self._machine, self._process, self._marks = machine, process, marks
        self._stdin, self._stdout, self._stderr = descriptors
        self._signals = 0
        self._given_up, self._started = asyncio.Event(), asyncio.Event()
        self._forced: int | None = None
        self._tasks = TaskSet()

    async def run(self) -> int | None:
        """Its status, or None when the connection says nothing of it."""
        feeding = self._tasks.spawn(read_on(self._stdin, self._feed))
        outputs = [self._tasks.spawn(each) for each in (self._from_stdout(), self._from_stderr())]
        given_up: asyncio.Task[Any] = self._tasks.spawn(self._given_up.wait())
        try:
            both: asyncio.Task[Any] = self._tasks.spawn(_all(outputs))
            await asyncio.wait((both, given_up), return_when=asyncio.FIRST_COMPLETED)
            if not given_up.done():
                await both
                await self._process.wait_closed()
        except _UnwrittenError as problem:
            await self._end()
            if not isinstance(problem.reason, BrokenPipeError):
                raise _not_written(problem.reason) from problem
            self._forced = 128 + signal.SIGPIPE
        except _BROKEN as problem:
            raise failures.lost(self._machine.path, problem) from problem
        except asyncio.CancelledError:
            await self._end()
            raise
        finally:
            feeding.cancel()
            self._process.close()
            await self._tasks.cancel_all()
        return self._forced if self._forced is not None else self._status()

    async def _from_stdout(self) -> None:
        while data := await self._process.stdout.read(_CHUNK):
            await _write(self._stdout, data)

    async def _from_stderr(self) -> None:
        while data := await self._process.stderr.read(_CHUNK):
            shown = self._marks.take(data)
            if self._marks.group is not None:
                self._started.set()
            await _write(self._stderr, shown)
        self._started.set()  # or it never will
        await _write(self._stderr, self._marks.finish())

    async def _feed(self, data: bytes) -> None:
        """A program that does not read its stdin does no harm."""
        with suppress(*_BROKEN):
            if data:
                self._process.stdin.write(data)
                await self._process.stdin.drain()
            else:
                self._process.stdin.write_eof()

    def on_signal(self, number: signal.Signals) -> None:
        """Pass it on, or end the program when that does not help."""
        self._signals += 1
        if self._signals > _PATIENT_SIGNALS:
            self._forced = 128 + number
            self._tasks.spawn(self._give_up())
            if self._signals > _PATIENT_SIGNALS + 1:
                self._given_up.set()  # the machine may not answer at all
        else:
            name = number.name.removeprefix("SIG")
            # Not a signal request of SSH: sshd refuses those for root (session.c).
            self._tasks.spawn(self._on_group(lambda group: f"kill -{name} -{group}"))

    async def _give_up(self) -> None:
        await self._end()
        self._given_up.set()

    async def _end(self) -> None:
        await self._on_group(ending_command)

    async def _on_group(self, script: Callable[[int], str]) -> None:
        """Run a script about the program's group, once it has started."""
        deadline = Deadline.after(ENDING_PATIENCE)
        with suppress(MachineError, TimeoutError):
            async with asyncio.timeout(deadline.remaining):
                await self._started.wait()
            if (group := self._marks.group) is not None:
                await self._machine.run(("sh", "-c", script(group)), deadline=deadline)

    def _status(self) -> int | None:
        if killed := self._process.exit_signal:
            known = signal.Signals.__members__.get(f"SIG{killed[0]}")
            return _UNNAMED_SIGNAL if known is None else 128 + known
        return self._process.exit_status

    def judged(self, argv: tuple[str, ...], status: int | None) -> int:
        """The status, when it is the program's own. Raises MachineError when it is not."""
        path, marks = self._machine.path, self._marks
        if status is None:
            raise failures.lost(path, None)
        if self._forced is not None:
            return status
        if marks.group is None:
            raise MachineError(
                "ssh.shell-failed",
                f"the login shell on {path} ended without running {argv[0]!r}",
                where=f"{path}, while running {argv[0]}",
                hint="the login shell must be sh, dash or bash",
                notes=failures.last_lines(marks.noise),
            )
        if marks.refused is None:
            return status
        if marks.refused == NOT_FOUND:
            raise failures.no_such_program(path, argv)
        raise failures.cannot_execute(path, argv, "it is not an executable file")
