"""The words for what goes wrong on a machine: the same for every kind of machine."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from nestlab.deadline import Deadline
from nestlab.errors import MachineError
from nestlab.machine.protocol import Address
from nestlab.units import format_duration

LAST_LINES = 5
"""Lines of output that an error repeats."""


def deadline_passed(
    path: str, argv: Sequence[str], deadline: Deadline, output: bytes = b""
) -> MachineError:
    """`machine.deadline`, with the last lines that the program wrote."""
    return MachineError(
        "machine.deadline",
        f"`{shown(argv)}` did not end within {format_duration(deadline.allowed)}",
        where=f"{path}, while running {argv[0]}",
        hint="it is too slow or hangs: its load and its console show which",
        notes=last_lines(output),
    )


def lost(path: str, reason: object) -> MachineError:
    """`machine.lost`: the connection to the machine broke."""
    return MachineError(
        "machine.lost",
        f"the connection to {path} is lost: {reason or 'closed'}",
        where=path,
        hint="look at its console; the machine may have stopped",
    )


def no_such_program(path: str, argv: Sequence[str]) -> MachineError:
    """`machine.no-such-program`."""
    return MachineError(
        "machine.no-such-program",
        f"there is no program {argv[0]!r} on {path}",
        where=f"{path}, while running {argv[0]}",
        hint=f"install the package that has {argv[0]} on {path}",
    )


def cannot_execute(path: str, argv: Sequence[str], reason: str) -> MachineError:
    """`machine.cannot-execute`: the file is there but the system does not run it."""
    return MachineError(
        "machine.cannot-execute",
        f"{path} cannot execute {argv[0]!r}: {reason}",
        where=f"{path}, while running {argv[0]}",
    )


def put_failed(path: str, local: Path, remote: str, reason: object) -> MachineError:
    """`machine.put-failed`."""
    return MachineError(
        "machine.put-failed",
        f"cannot put {local} on {path} as {remote}: {reason}",
        where=f"{path}, while putting a file",
    )


def get_failed(path: str, remote: str, local: Path, reason: object) -> MachineError:
    """`machine.get-failed`."""
    return MachineError(
        "machine.get-failed",
        f"cannot get {remote} of {path} as {local}: {reason}",
        where=f"{path}, while getting a file",
    )


def refused(path: str, address: Address, reason: object) -> MachineError:
    """`machine.refused`: no connection to that address."""
    place = address if isinstance(address, str) else f"{address[0]}:{address[1]}"
    return MachineError(
        "machine.refused",
        f"{path} cannot connect to {place}: {reason}",
        where=f"{path}, while connecting to {place}",
    )


def session_refused(path: str, reason: object) -> MachineError:
    """`ssh.session-refused`: the connection stands but sshd starts nothing more on it."""
    return MachineError(
        "ssh.session-refused",
        f"{path} opens no further SSH session: {reason}",
        where=path,
        hint="its sshd must allow 10 sessions per connection (MaxSessions in sshd_config)",
    )


def shown(argv: Sequence[str], width: int = 120) -> str:
    """The command for people, on one line and cut to `width` characters."""
    line = " ".join(shlex.join(argv).split())
    return line if len(line) <= width else line[: width - 1] + "…"


def last_lines(output: bytes) -> tuple[str, ...]:
    """The last lines of some output; bytes that are not UTF-8 are shown as escapes."""
    tail = output[-4096:].decode("utf-8", "backslashreplace")
    return tuple(tail.splitlines()[-LAST_LINES:])
