"""What people do with any machine, as functions over its five verbs."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from nestlab.deadline import Deadline
from nestlab.errors import MachineError
from nestlab.machine import failures
from nestlab.machine.protocol import OUTPUT_LIMIT, Completed, Machine
from nestlab.units import MIB, format_duration, format_size

T = TypeVar("T")

_PAUSE_GROWTH = 1.5


@dataclass(frozen=True)
class NotYet:
    """What a probe saw instead of what is waited for: `connection refused`."""

    seen: str


async def check(
    machine: Machine,
    argv: Sequence[str],
    *,
    deadline: Deadline,
    code: str,
    hint: str | None = None,
    stdin: bytes = b"",
    limit: int = OUTPUT_LIMIT,
) -> Completed:
    """Run a program that must succeed.

    Raises MachineError with `code` and the last lines of stderr (of stdout if there are none) when
    it does not exit with status 0; and whatever `Machine.run` raises.
    """
    done = await machine.run(argv, deadline=deadline, stdin=stdin, limit=limit)
    if done.ok:
        return done
    how = f"was ended by signal {done.signal}" if done.signal else f"exited with {done.status}"
    raise MachineError(
        code,
        f"`{failures.shown(argv)}` {how}",
        where=f"{machine.path}, while running {argv[0]}",
        hint=hint,
        notes=failures.last_lines(done.stderr) or failures.last_lines(done.stdout),
    )


async def read_text(machine: Machine, path: str, *, deadline: Deadline, limit: int = MIB) -> str:
    """A file's text, also of those in /proc and /sys; bytes that are not UTF-8 become escapes.

    Raises MachineError: `machine.read-failed`, `machine.file-too-large` (more than `limit` bytes);
    and whatever `Machine.run` raises.
    """
    argv = ("cat", "--", path)
    done = await check(machine, argv, deadline=deadline, code="machine.read-failed", limit=limit)
    if done.truncated:
        raise MachineError(
            "machine.file-too-large",
            f"{path} is larger than {format_size(limit)}",
            where=f"{machine.path}, while reading a file",
        )
    return done.text


async def wait_for(
    probe: Callable[[], Awaitable[T | NotYet]],
    *,
    deadline: Deadline,
    what: str,
    where: str,
    code: str = "machine.deadline",
    hint: str | None = None,
    pause: float = 0.1,
    longest_pause: float = 2.0,
) -> T:
    """Call the probe until it returns something other than NotYet; pauses (seconds) grow.

    Raises MachineError with `code` at the deadline, saying what the probe saw last; what the probe
    raises passes through.
    """
    seen = "nothing yet, the first probe did not return"
    try:
        async with asyncio.timeout(deadline.remaining) as expiry:
            while isinstance(found := await probe(), NotYet):
                seen = found.seen
                await asyncio.sleep(pause)
                pause = min(pause * _PAUSE_GROWTH, longest_pause)
            return found
    except TimeoutError:
        if not expiry.expired():
            raise  # the probe's own
    raise MachineError(
        code,
        f"{what} not ready after {format_duration(deadline.allowed)}; last: {seen}",
        where=where,
        hint=hint,
    )
