"""Running a command with both clocks: L0's and the machine's own, and what the machine saw."""

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass

from nestlab.bench.jiffies import Jiffies
from nestlab.deadline import Deadline
from nestlab.machine.protocol import Completed, Machine

# Builtins of the shell alone: nothing is started between the clocks but the command itself.
_TIMED = """
read -r cpu0 </proc/stat
read -r before _ </proc/uptime
"$@"
status=$?
read -r after _ </proc/uptime
read -r cpu1 </proc/stat
echo "nestlab-clock: $before $after / $cpu0 / $cpu1" >&2
exit $status
"""
_CLOCK = re.compile(
    rb"nestlab-clock: (\d{1,12}\.\d{1,9}) (\d{1,12}\.\d{1,9})"
    rb" / (cpu[ \d]{1,300}) / (cpu[ \d]{1,300})\n\Z"
)
_TRIES = 3


@dataclass(frozen=True)
class Timed:
    """A command's end, by the machine's own kernel; None where it did not say.

    guest_seconds  from start to exit
    steal          part of its CPUs' time that its hypervisor gave to others, 0 to 1 (proc(5), stat)
    """

    completed: Completed
    guest_seconds: float | None
    steal: float | None = None


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
    first, last = (Jiffies.read(match[place].decode()) for place in (3, 4))
    steal = first.until(last).steal if first and last else None
    return Timed(told, seconds if seconds >= 0 else None, steal)


async def launch_seconds(machine: Machine, *, deadline: Deadline) -> float:
    """What L0 counts beyond the machine itself for a command that does nothing; best of three."""
    seen = []
    for _ in range(_TRIES):
        timed = await run_timed(machine, ("true",), deadline=deadline, limit=4096)
        seen.append(timed.completed.elapsed - (timed.guest_seconds or 0.0))
    return round(max(min(seen), 0.0), 4)
