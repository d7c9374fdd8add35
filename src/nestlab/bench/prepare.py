"""What a machine needs before the clock starts: programs, files, and preparing commands."""

from dataclasses import dataclass, field

from nestlab.deadline import Deadline
from nestlab.errors import WorkloadError
from nestlab.machine.failures import last_lines
from nestlab.machine.protocol import Completed, Machine
from nestlab.machine.shell import check
from nestlab.workload.protocol import Argv, Command, File, Workload

LIMIT = 8 << 20
"""Bytes of output that are kept of what a workload runs."""

_PREPARE = 600.0
_ASK = 60.0

_MISSING = 'for name; do command -v -- "$name" >/dev/null || echo "$name"; done'
# Whole or not at all: what is there under its name is complete.
_PLACE = 'umask 077; mkdir -p -- "${1%/*}" && cat >"$1.new" && mv -f -- "$1.new" "$1"'


@dataclass
class Preparation:
    """What was done already is not done twice: programs by workload, files and argv as they are."""

    _done: set[tuple[str, str | File | Argv]] = field(default_factory=set)

    async def make(self, machine: Machine, workload: Workload, command: Command) -> None:
        """Make a machine ready for a command.

        Raises WorkloadError `workload.missing-program`, `workload.failed`; MachineError
        `bench.file-failed`; and whatever `Machine.run` raises.
        """
        await self.ask(machine, workload)
        for file in command.files:
            if self._is_new(machine, file):
                await _place(machine, file)
                self._note(machine, file)
        for argv in command.prepare:
            if self._is_new(machine, argv):
                done = await machine.run(argv, deadline=Deadline.after(_PREPARE), limit=LIMIT)
                if not done.ok:
                    raise failed(f"the preparation of {workload.name}", done)
                self._note(machine, argv)

    async def reload(self, machine: Machine, command: Command) -> None:
        """Read the program again after the page caches were dropped; how it ends is no matter.

        Raises whatever `Machine.run` raises.
        """
        if command.reload:
            await machine.run(command.reload, deadline=Deadline.after(_ASK), limit=LIMIT)

    async def ask(self, machine: Machine, workload: Workload) -> None:
        """Whether a machine has the programs.

        Raises WorkloadError `workload.missing-program`, and whatever `Machine.run` raises.
        """
        if self._is_new(machine, workload.name):
            await _ask_for_programs(machine, workload)
            self._note(machine, workload.name)

    def _is_new(self, machine: Machine, step: str | File | Argv) -> bool:
        return (machine.path, step) not in self._done

    def _note(self, machine: Machine, step: str | File | Argv) -> None:
        self._done.add((machine.path, step))


async def _ask_for_programs(machine: Machine, workload: Workload) -> None:
    argv = ("sh", "-c", _MISSING, "sh", *workload.needs)
    done = await machine.run(argv, deadline=Deadline.after(_ASK), limit=LIMIT)
    missing = [name for name in workload.needs if name in done.text.split()]
    if missing:
        raise WorkloadError(
            "workload.missing-program",
            f"{workload.name} needs {', '.join(missing)}, which {machine.path} has not got",
            where=machine.path,
            hint=f"install it on {machine.path}, or take an image that has it",
        )


async def _place(machine: Machine, file: File) -> None:
    await check(
        machine,
        ("sh", "-c", _PLACE, "sh", file.path),
        stdin=file.data,
        deadline=Deadline.after(_ASK),
        code="bench.file-failed",
    )


def failed(what: str, done: Completed) -> WorkloadError:
    """The `workload.failed` of a command that did not exit with status 0."""
    how = f"status {done.status}" if done.signal is None else f"signal {done.signal}"
    return WorkloadError(
        "workload.failed",
        f"{what} ended with {how}",
        notes=last_lines(done.stderr) or last_lines(done.stdout),
    )
