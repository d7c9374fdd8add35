"""Running a command with both clocks: L0's and the machine's own."""

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass

from nestlab.deadline import Deadline
from nestlab.machine.protocol import Completed, Machine

_TIMED = """
read -r before _ </proc/uptime
"$@"
status=$?
read -r after _ </proc/uptime
echo "nestlab-clock: $before $after" >&2
exit $status
"""
_CLOCK = re.compile(rb"nestlab-clock: (\d+\.\d+) (\d+\.\d+)\n\Z")
_TRIES = 3


@dataclass(frozen=True)
class Timed:
    """A command's end; `guest_seconds` by the machine's own kernel, None when it did not say."""

    completed: Completed
    guest_seconds: float | None


async def run_timed(
    machine: Machine, argv: Sequence[str], *, deadline: Deadline, limit: int
) -> Timed:
    """Run a command; the machine's clock is read right before and after it (proc(5), uptime)."""
    wrapped = ("sh", "-c", _TIMED, "sh", *argv)
    done = await machine.run(wrapped, deadline=deadline, limit=limit)
    match = _CLOCK.search(done.stderr)
    if match is None:
        return Timed(done, None)
    seconds = float(match[2]) - float(match[1])
    told = dataclasses.replace(done, stderr=done.stderr[: match.start()])
    return Timed(told, seconds if seconds >= 0 else None)


async def launch_seconds(machine: Machine, *, deadline: Deadline) -> float:
    """What L0 counts beyond the machine itself for a command that does nothing; best of three."""
    seen = []
    for _ in range(_TRIES):
        timed = await run_timed(machine, ("true",), deadline=deadline, limit=4096)
        seen.append(timed.completed.elapsed - (timed.guest_seconds or 0.0))
    return round(max(min(seen), 0.0), 4)
