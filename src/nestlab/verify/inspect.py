"""Ask a machine what a verdict needs."""

from nestlab.deadline import Deadline
from nestlab.machine.protocol import Machine
from nestlab.machine.shell import check
from nestlab.verify.lscpu import Lscpu, parse_lscpu


async def ask_lscpu(machine: Machine, *, deadline: Deadline) -> Lscpu:
    """Run `lscpu -J`. Raises MachineError `verify.lscpu-failed`, `verify.lscpu-unreadable`."""
    argv = ("env", "LC_ALL=C", "lscpu", "-J")
    done = await check(machine, argv, deadline=deadline, code="verify.lscpu-failed", limit=1 << 20)
    return parse_lscpu(done.text, path=machine.path)
