"""What it costs to start any command on a machine, which is in every elapsed time of L0."""

from nestlab.deadline import Deadline
from nestlab.machine.protocol import Machine


async def launch_seconds(machine: Machine, *, deadline: Deadline) -> float:
    """Seconds from L0's request to L0's answer for a command that does nothing."""
    return round((await machine.run(("true",), deadline=deadline)).elapsed, 4)
