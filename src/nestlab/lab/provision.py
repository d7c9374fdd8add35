"""What the user put into a guest and had done in it when it came up for the first time."""

import shlex
from pathlib import Path

from nestlab.deadline import Deadline
from nestlab.errors import MachineError
from nestlab.events import Progress, Sink
from nestlab.lab.spec import GuestSpec
from nestlab.machine.failures import last_lines, shown
from nestlab.machine.protocol import Completed, Machine


async def provision(
    machine: Machine, spec: GuestSpec, log: Path, sink: Sink, *, deadline: Deadline
) -> None:
    """Put the files, then run the commands in order; what they print goes to the file `log`.

    Raises MachineError `guest.command-failed` with the last lines, and what `put` raises.
    """
    for file in spec.files:
        sink(Progress(machine.path, f"putting {file.target}"))
        await machine.put(file.source, file.target, mode=file.mode)
    for argv in spec.run:
        sink(Progress(machine.path, f"running {shown(argv, 60)}"))
        done = await machine.run(argv, deadline=deadline)
        _write_down(log, done)
        if not done.ok:
            raise _failed(machine, done, log)


def _write_down(log: Path, done: Completed) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as file:
        file.write(f"$ {shlex.join(done.argv)}\n".encode("utf-8", "backslashreplace"))
        file.write(done.stdout + done.stderr)
        file.write(f"[status {done.status}, {done.elapsed:.1f} s]\n".encode())


def _failed(machine: Machine, done: Completed, log: Path) -> MachineError:
    how = f"status {done.status}" if done.signal is None else f"signal {done.signal}"
    return MachineError(
        "guest.command-failed",
        f"`{shown(done.argv)}` ended with {how}",
        where=f"{machine.path}, while it came up for the first time",
        log=str(log),
        notes=last_lines(done.stderr) or last_lines(done.stdout),
        hint="mend the command in the lab file",
    )
