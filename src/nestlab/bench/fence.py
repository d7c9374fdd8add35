"""A bound on the memory that a workload may use, so that a machine with more has no more.

Memory beyond a smaller level's would be page cache for the larger one: its reads would come from
memory where the other's come from the disk. A control group bounds both (kernel documentation,
Control Group v2, "Memory"; v1, memory.rst).
"""

import contextlib
from contextlib import AsyncExitStack
from dataclasses import dataclass

from nestlab.deadline import Deadline
from nestlab.errors import MachineError
from nestlab.machine.protocol import Completed, Machine
from nestlab.teardown import on_exit
from nestlab.workload.protocol import Argv

_PATIENCE = 60.0

# Prints the group's folder, or why there is none.
_MAKE = """
top=/sys/fs/cgroup
if [ -e "$top/cgroup.controllers" ]; then
    if ! grep -qw memory "$top/cgroup.controllers"; then
        echo "its control groups do not control memory"; exit 1
    fi
    on=$top/cgroup.subtree_control limit=memory.max
    grep -qw memory "$on" || echo +memory >"$on" || exit 1
elif [ -e "$top/memory/memory.limit_in_bytes" ]; then
    top=$top/memory limit=memory.limit_in_bytes
else
    echo "no control groups are mounted there"; exit 1
fi
mkdir "$top/$1" && echo "$2" >"$top/$1/$limit" && echo "$top/$1"
"""

_ENTER = 'echo $$ >"$0/cgroup.procs" && exec "$@"'
"""What is started from the shell stays in its group."""

# What is left in it has to go first, and only leaves the group a moment after it was killed.
_REMOVE = """
for group in "/sys/fs/cgroup/$1" "/sys/fs/cgroup/memory/$1"; do
    for try in 1 2 3 4 5 6 7 8 9 10; do
        [ -d "$group" ] || break
        while read -r pid; do kill -KILL "$pid" 2>/dev/null; done <"$group/cgroup.procs"
        rmdir "$group" 2>/dev/null || sleep 0.2
    done
done
"""

_NAME = "nestlab-bench-"


@dataclass(frozen=True)
class Fence:
    """A machine's bound in bytes; `folder` None: it has none, and `why` says so if it should."""

    folder: str | None
    memory: int | None = None
    why: str = ""

    def around(self, argv: Argv) -> Argv:
        """The command, inside."""
        return ("sh", "-c", _ENTER, self.folder, *argv) if self.folder else argv


async def fence(machine: Machine, lab_id: str, memory: int, stack: AsyncExitStack) -> Fence:
    """A bound of `memory` bytes; closing the stack ends what still runs in it, and removes it.

    One lab is measured by one nestlab at a time: what is there of its name was left by one that
    was killed, and goes first. Where a bound cannot be had the Fence says why. Raises what
    `Machine.run` raises.
    """
    await remove_fence(machine, lab_id)
    name = _NAME + lab_id
    argv = ("sh", "-c", _MAKE, "sh", name, str(memory))
    done = await machine.run(argv, deadline=Deadline.after(_PATIENCE), limit=1 << 14)
    folder = done.text.strip()
    if not done.ok or not folder.endswith(f"/{name}"):
        return Fence(None, why=_why(done))
    on_exit(stack, lambda: remove_fence(machine, lab_id))
    return Fence(folder, memory)


async def remove_fence(machine: Machine, lab_id: str) -> None:
    """End what runs in a lab's group, and remove it; where the machine is gone, so is the group."""
    argv = ("sh", "-c", _REMOVE, "sh", _NAME + lab_id)
    with contextlib.suppress(MachineError):
        await machine.run(argv, deadline=Deadline.after(_PATIENCE))


def _why(done: Completed) -> str:
    said = (done.text.strip() or done.error_text.strip()).splitlines()
    return said[-1][:200] if said else "it did not say why"
