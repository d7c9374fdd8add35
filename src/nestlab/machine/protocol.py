"""What every machine can do, at every level.

Five verbs; everything else is a free function over them (see `shell.py`). Nothing here knows
levels: L0, a guest and a guest's guest differ only in how the bytes travel.
"""

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from nestlab.deadline import Deadline

OUTPUT_LIMIT = 64 << 20
"""Bytes of stdout (and of stderr) kept by default; a guest's output is untrusted and bounded."""

Address = str | tuple[str, int]
"""A UNIX socket's path on that machine, or (host, port) as that machine sees it."""


@dataclass(frozen=True)
class Completed:
    """What a command left behind.

    argv      the command as given
    status    its exit status, or None when a signal ended it
    signal    the signal's name without SIG (`KILL`), or None
    stdout, stderr   bytes, at most the limit given to `run` each
    elapsed   seconds by the controller's monotonic clock, start to exit
    truncated whether output beyond the limit was thrown away
    """

    argv: tuple[str, ...]
    status: int | None
    signal: str | None
    stdout: bytes
    stderr: bytes
    elapsed: float
    truncated: bool = False

    @property
    def ok(self) -> bool:
        """Whether it exited with status 0."""
        return self.status == 0

    @property
    def text(self) -> str:
        """Stdout as text; bytes that are not UTF-8 are shown as escapes, never raise."""
        return self.stdout.decode("utf-8", "backslashreplace")

    @property
    def error_text(self) -> str:
        """Stderr as text, likewise."""
        return self.stderr.decode("utf-8", "backslashreplace")


class Machine(Protocol):
    """Something with a shell."""

    @property
    def path(self) -> str:
        """The address within a lab: `l0`, `l1`, `l1/l2`."""
        ...

    async def run(
        self,
        argv: Sequence[str],
        *,
        deadline: Deadline,
        stdin: bytes = b"",
        limit: int = OUTPUT_LIMIT,
    ) -> Completed:
        """Run a program by argv (never through a shell of ours) and wait for its end.

        A status other than 0 is a result, not an error. Raises MachineError: `machine.deadline`
        (the program was ended: TERM, then KILL), `machine.no-such-program`, `machine.lost`
        (the connection broke).
        """
        ...

    async def put(self, local: Path, remote: str, *, mode: int = 0o600) -> None:
        """Copy a file to the machine, whole or not at all (temporary name, then rename).

        Raises MachineError: `machine.put-failed`, `machine.lost`.
        """
        ...

    async def get(self, remote: str, local: Path) -> None:
        """Copy a file from the machine, whole or not at all.

        Raises MachineError: `machine.get-failed`, `machine.lost`.
        """
        ...

    async def dial(self, address: Address) -> socket.socket:
        """Connect to a stream socket as seen from that machine.

        The result is a non-blocking local socket; whoever gets it closes it. Raises
        MachineError: `machine.refused` (nobody listens), `machine.lost`.
        """
        ...

    async def close(self) -> None:
        """Let go of the connection. Closing twice is harmless."""
        ...
