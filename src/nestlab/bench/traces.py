"""What measuring leaves on machines: files to be removed at its end, caches to be dropped."""

import contextlib
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from nestlab.bench.disk import drop_caches
from nestlab.deadline import Deadline
from nestlab.errors import MachineError
from nestlab.machine.path import is_above
from nestlab.machine.protocol import Machine
from nestlab.workload.protocol import Argv

_PATIENCE = 120.0


@dataclass
class Traces:
    """Undone when the stack is closed.

    owed  what is to be run on which machine when all is measured
    """

    stack: AsyncExitStack
    owed: set[tuple[str, Argv]] = field(default_factory=set)

    def owe(self, machine: Machine, cleanup: Sequence[Argv]) -> None:
        """Whatever happens next, this is run once when all is measured."""
        for undo in cleanup:
            if (machine.path, undo) not in self.owed:
                self.owed.add((machine.path, undo))
                self.stack.push_async_callback(_remove, machine, undo)

    async def drop_caches(
        self, machines: Sequence[Machine], path: str, warn: Callable[[str], None]
    ) -> None:
        """On a machine and all its ancestors."""
        for machine in machines:
            if is_above(machine.path, path) and not await drop_caches(
                machine, deadline=Deadline.after(_PATIENCE)
            ):
                warn(
                    f"the page cache of {machine.path} could not be dropped before storage runs"
                    " (that needs root): cached reads may flatter the levels above it"
                )


async def _remove(machine: Machine, argv: Argv) -> None:
    """Remove a laid-out file; where the machine is gone, so is the file."""
    with contextlib.suppress(MachineError):
        await machine.run(argv, deadline=Deadline.after(_PATIENCE))
