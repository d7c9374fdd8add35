"""A machine of a lab for programs: entered when it is used, once for all uses."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from nestlab.deadline import Deadline
from nestlab.errors import MachineError
from nestlab.lab.access.reach import log_in, record_of
from nestlab.lab.access.root import root_of
from nestlab.lab.record.state import LabState
from nestlab.machine.failures import last_lines, shown
from nestlab.machine.path import level_of, parent_of
from nestlab.machine.protocol import Completed, Machine

_LOGIN = 60.0


class Ways:
    """The open connections of one lab, deeper ones through their parents'."""

    def __init__(self, found: Callable[[], tuple[Path, LabState]]) -> None:
        self._found = found
        self._open: dict[str, Machine] = {}
        self._stack = AsyncExitStack()
        self._entering = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of all; the next use opens anew."""
        self._open.clear()
        await self._stack.aclose()

    async def to(self, path: str) -> Machine:
        """The machine, entered. Raises StoredDataError `lab.no-such-machine`, as `reach` does."""
        async with self._entering:
            return await self._to(path)

    async def _to(self, path: str) -> Machine:
        if path not in self._open:
            deadline = Deadline.after(_LOGIN)
            folder, state = self._found()
            if path == "l0":
                root = root_of(state.host, deadline=deadline)
                self._open[path] = await self._stack.enter_async_context(root)
            else:
                record = record_of(state, path)
                parent = await self._to(parent_of(path))
                machine = await log_in(record, parent, folder, deadline)
                self._stack.push_async_callback(machine.close)
                self._open[path] = machine
        return self._open[path]


@dataclass(frozen=True)
class LabMachine:
    """One machine; what goes wrong is a MachineError with a code, a place and a remedy."""

    path: str
    _ways: Ways

    @property
    def level(self) -> int:
        """0 for the host, 2 for `l1/l2`."""
        return level_of(self.path)

    async def run(
        self, argv: Sequence[str], *, timeout: float = 60.0, stdin: bytes = b"", check: bool = False
    ) -> Completed:
        """Run a program by its argv, which no shell sees, and wait for its end.

        timeout  seconds; then it is ended, and MachineError `machine.deadline` is raised
        check    whether a status other than 0 raises MachineError `machine.command-failed`

        Raises MachineError: `machine.no-such-program`, `machine.lost`, and as `reach` does.
        """
        machine = await self._ways.to(self.path)
        done = await machine.run(argv, deadline=Deadline.after(timeout), stdin=stdin)
        if check and not done.ok:
            how = f"signal {done.signal}" if done.signal else f"status {done.status}"
            raise MachineError(
                "machine.command-failed",
                f"`{shown(done.argv)}` ended with {how}",
                where=self.path,
                notes=last_lines(done.stderr) or last_lines(done.stdout),
            )
        return done

    async def put(self, local: str | Path, remote: str, *, mode: int = 0o644) -> None:
        """Copy a file there, whole or not at all. Raises MachineError `machine.put-failed`."""
        machine = await self._ways.to(self.path)
        await machine.put(Path(local), remote, mode=mode)

    async def get(self, remote: str, local: str | Path) -> None:
        """Copy a file from there, whole or not at all. Raises MachineError `machine.get-failed`."""
        machine = await self._ways.to(self.path)
        await machine.get(remote, Path(local))
