"""A lab for programs without asyncio, and for notebooks, where a loop runs already."""

import asyncio
import threading
from collections.abc import Coroutine, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from nestlab.api.lab import Lab
from nestlab.api.machine import LabMachine
from nestlab.machine.protocol import Completed

T = TypeVar("T")


class SyncLab:
    """`Lab` without `await`: everything runs in a loop in a thread of its own."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self._loop = asyncio.new_event_loop()

    @classmethod
    def from_file(cls, file: str | Path, **options: Any) -> Self:
        """As `Lab.from_file`."""
        return cls(Lab.from_file(file, **options))

    @classmethod
    def running(cls, name: str | None = None) -> Self:
        """As `Lab.running`."""
        return cls(Lab.running(name))

    def __enter__(self) -> Self:
        """Bring it up. Raises as `Lab` does."""
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True, name="nestlab")
        self._thread.start()
        try:
            self._wait(self.lab.__aenter__())
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._wait(self.lab.__aexit__(kind, problem, trace))
        finally:
            self._end()

    def __getitem__(self, path: str) -> "SyncMachine":
        """The machine at `path`: `l1/l2`; `l0` is the host."""
        return SyncMachine(self.lab[path], self._wait)

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths of its guests."""
        return self.lab.paths

    def stop(self, path: str = "l0") -> None:
        """As `Lab.stop`."""
        self._wait(self.lab.stop(path))

    def start(self, path: str = "l0") -> None:
        """As `Lab.start`."""
        self._wait(self.lab.start(path))

    def reboot(self, path: str) -> None:
        """As `Lab.reboot`."""
        self._wait(self.lab.reboot(path))

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        """The result; Ctrl-C cancels the work, and its teardown is waited for."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            if future.cancel():
                asyncio.run_coroutine_threadsafe(_others_end(), self._loop).result()
            raise

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _others_end() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.gather(*others, return_exceptions=True)


class SyncMachine:
    """`LabMachine` without `await`."""

    def __init__(self, machine: LabMachine, wait: Any) -> None:
        self._machine, self._wait = machine, wait
        self.path, self.level = machine.path, machine.level

    def run(
        self, argv: Sequence[str], *, timeout: float = 60.0, stdin: bytes = b"", check: bool = False
    ) -> Completed:
        """As `LabMachine.run`."""
        work = self._machine.run(argv, timeout=timeout, stdin=stdin, check=check)
        done: Completed = self._wait(work)
        return done

    def put(self, local: str | Path, remote: str, *, mode: int = 0o644) -> None:
        """As `LabMachine.put`."""
        self._wait(self._machine.put(local, remote, mode=mode))

    def get(self, remote: str, local: str | Path) -> None:
        """As `LabMachine.get`."""
        self._wait(self._machine.get(remote, local))
