"""One program behind SSH: the callbacks of its session, and what became of it."""

import asyncio
import contextlib
import time
from typing import Any, Protocol, cast

from nestlab.deadline import Deadline
from nestlab.errors import MachineError
from nestlab.machine import failures
from nestlab.machine.protocol import Completed
from nestlab.machine.transcript import Transcript

_CHUNK = 64 * 1024


class _Channel(Protocol):
    """The part of an SSH channel that a program needs."""

    def write(self, data: bytes, /) -> None: ...
    def write_eof(self) -> None: ...
    def abort(self) -> None: ...


class RemoteCommand:
    """A session's callbacks, in the shape that asyncssh calls them.

    started   set when the program's group is known, or when that will never be
    ended     set when the session is over, for whatever reason
    """

    def __init__(self, argv: tuple[str, ...], transcript: Transcript) -> None:
        self.argv, self.transcript = argv, transcript
        self.started, self.ended = asyncio.Event(), asyncio.Event()
        self._channel: _Channel | None = None
        self._abandoned = False
        self._status: int | None = None
        self._signal: str | None = None
        self._asked_at = self._stopped_at = 0.0
        self._problem: Exception | None = None

    def connection_made(self, chan: Any) -> None:
        """The session is open; the command is not yet sent."""
        self._channel = cast(_Channel, chan)
        self._asked_at = time.monotonic()
        if self._abandoned:
            self._channel.abort()

    def data_received(self, data: bytes, datatype: int | None) -> None:
        """The program wrote: to stdout when the data has no type, else to stderr."""
        if datatype is None:
            self.transcript.stdout.add(data)
            return
        self.transcript.add_stderr(data)
        if self.transcript.group is not None:
            self.started.set()

    def eof_received(self) -> bool:
        """No more output; True keeps stdin open, as the program may still read it."""
        return True

    def exit_status_received(self, status: int) -> None:
        """The program exited."""
        self._status, self._stopped_at = status, time.monotonic()

    def exit_signal_received(self, signal: str, *_details: object) -> None:
        """A signal ended the program; those that RFC 4254 does not name come as `SIG@…`."""
        self._signal, self._stopped_at = signal, time.monotonic()

    def connection_lost(self, exc: Exception | None) -> None:
        """The session is over."""
        self._problem = exc
        self.started.set()
        self.ended.set()

    def feed(self, stdin: bytes) -> None:
        """Send all of stdin and its end; a program that does not read it does no harm."""
        if self._channel is None:
            return
        with contextlib.suppress(BrokenPipeError):
            # asyncssh copies what is left of a buffer for each packet, so buffers stay small.
            for start in range(0, len(stdin), _CHUNK):
                self._channel.write(stdin[start : start + _CHUNK])
            self._channel.write_eof()

    def abandon(self) -> None:
        """Close the session now, or as soon as it opens."""
        self._abandoned = True
        if self._channel is not None:
            self._channel.abort()

    def deadline_passed(self, path: str, deadline: Deadline) -> MachineError:
        """`machine.deadline` with the last that was seen of the program."""
        last_seen = self.transcript.stderr.kept or self.transcript.stdout.kept
        return failures.deadline_passed(path, self.argv, deadline, last_seen)

    def completed(self, path: str) -> Completed:
        """The result, once `ended`. Raises MachineError when there is none."""
        if self._status is None and self._signal is None:
            raise failures.lost(path, self._problem)
        transcript = self.transcript
        if transcript.group is None:
            raise _shell_failed(path, self.argv, transcript.noise)
        if transcript.not_found:
            raise failures.no_such_program(path, self.argv)
        if transcript.not_executable:
            raise failures.cannot_execute(path, self.argv, "it is not an executable file")
        return Completed(
            argv=self.argv,
            status=None if self._signal else self._status,
            signal=self._signal,
            stdout=transcript.stdout.kept,
            stderr=transcript.stderr.kept,
            elapsed=self._stopped_at - self._started_at(),
            truncated=transcript.stdout.truncated or transcript.stderr.truncated,
        )

    def _started_at(self) -> float:
        """When the program started, at the latest.

        asyncssh holds back early output but not the exit status, so the mark of a program that
        ended at once may come after its end; then all that is known is when we asked for it.
        """
        marked_at = self.transcript.started_at
        return marked_at if marked_at < self._stopped_at else self._asked_at


def _shell_failed(path: str, argv: tuple[str, ...], noise: bytes) -> MachineError:
    return MachineError(
        "ssh.shell-failed",
        f"the login shell on {path} ended without running {argv[0]!r}",
        where=f"{path}, while running {argv[0]}",
        hint="the login shell must be sh, dash or bash",
        notes=failures.last_lines(noise),
    )
