"""What the user put into a guest and had done in it when it came up for the first time."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from nestlab.deadline import Deadline
from nestlab.errors import MachineError
from nestlab.events import Progress, Sink
from nestlab.lab.wanted.spec import GuestSpec
from nestlab.machine.failures import last_lines, shown
from nestlab.machine.protocol import Completed, Machine

_PATIENCE = 1800.0
"""Seconds for packages: a guest of a guest takes its time where it is emulated."""

_INSTALL = """
if command -v apt-get >/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    # translated descriptions are as large as the rest, and nobody reads them here
    apt-get -q -o Acquire::Languages=none update &&
        exec apt-get -qy -o Dpkg::Options::=--force-confold \
        --no-install-recommends install -- "$@"
fi
for tool in dnf yum zypper; do
    command -v $tool >/dev/null && exec $tool -y install -- "$@"
done
echo "there is neither apt-get, dnf, yum nor zypper" >&2
exit 1
"""


async def provision(
    machine: Machine, spec: GuestSpec, log: Path, sink: Sink, *, deadline: Deadline
) -> None:
    """Install the packages, put the files, run the commands; what is printed goes to `log`.

    Raises MachineError `guest.packages-not-installed`, `guest.command-failed` with the last lines,
    and what `put` raises.
    """
    if spec.packages:
        await _install(machine, spec.packages, log, sink)
    for file in spec.files:
        sink(Progress(machine.path, f"putting {file.target}"))
        await machine.put(file.source, file.target, mode=file.mode)
    for argv in spec.run:
        sink(Progress(machine.path, f"running {shown(argv, 60)}"))
        done = await machine.run(argv, deadline=deadline)
        _write_down(log, done)
        if not done.ok:
            raise _failed(machine, done, log)


async def _install(machine: Machine, packages: Sequence[str], log: Path, sink: Sink) -> None:
    """By whatever the distribution has; it needs a way out to its mirrors."""
    sink(Progress(machine.path, f"installing {', '.join(packages)}"))
    argv = ("sh", "-c", _INSTALL, "sh", *packages)
    done = await machine.run(argv, deadline=Deadline.after(_PATIENCE))
    _write_down(log, done)
    if not done.ok:
        raise MachineError(
            "guest.packages-not-installed",
            f"{', '.join(packages)} could not be installed on {machine.path}",
            where=f"{machine.path}, while it came up for the first time",
            log=str(log),
            notes=last_lines(done.stderr) or last_lines(done.stdout),
            hint="its name server and its way out are those of its parent: try `apt-get update`"
            " there; or leave `packages` out",
        )


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
