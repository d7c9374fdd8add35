"""Bring a chain up and take it down; an emulated one that is lost on its way is tried again."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from nestlab.errors import MachineError
from nestlab.events import Notice, Progress, Sink, State
from nestlab.home import Home
from nestlab.hypervisor.protocol import Hypervisor
from nestlab.lab.climb import Climb, Request
from nestlab.lab.folder import create_lab, remove_lab
from nestlab.lab.lost import LOST, again
from nestlab.lab.running import Lab, Level
from nestlab.teardown import on_exit


@contextlib.asynccontextmanager
async def bring_up(
    request: Request, home: Home, host: Hypervisor, *, evidence: Path, sink: Sink
) -> AsyncIterator[Lab]:
    """Bring the chain up; leaving the context takes it down unless it was told to keep it."""
    async with AsyncExitStack() as stack:
        attempt = 1
        while (
            lab := await _try(request, home, host, _Attempt(attempt, evidence, sink), stack)
        ) is None:
            attempt += 1
        try:
            yield lab
        except BaseException:
            lab.kept = False
            raise


@dataclass(frozen=True)
class _Attempt:
    """One try to bring a chain up; each keeps its evidence apart from that of the one before."""

    number: int
    base: Path
    sink: Sink

    @property
    def evidence(self) -> Path:
        return self.base if self.number == 1 else self.base / f"attempt-{self.number}"


async def _try(
    request: Request, home: Home, host: Hypervisor, attempt: _Attempt, stack: AsyncExitStack
) -> Lab | None:
    """The lab that came up, or None when it was lost to emulation and may be tried again."""
    async with AsyncExitStack() as trial:
        folder, state = create_lab(home)
        lab = Lab(folder, state)
        lab.levels.append(Level(host.machine, host.facts))
        on_exit(trial, lambda: _remove(lab))
        climb = Climb(request, lab, attempt.evidence, attempt.sink)
        try:
            await climb.climb(host, trial)
        except MachineError as problem:
            # an emulated L1 alone was never seen to fail: then something else is wrong
            emulation = host.accelerator.emulated and climb.nested and problem.code in LOST
            if not emulation or attempt.number >= request.attempts:
                raise
            attempt.sink(Progress(climb.lost, f"lost: {problem.message}", State.FAILED))
            attempt.sink(Notice(again(climb.lost, "the lab", attempt.number + 1, request.attempts)))
            return None
        await stack.enter_async_context(trial.pop_all())
        return lab


async def _remove(lab: Lab) -> None:
    if not lab.kept:
        await asyncio.to_thread(remove_lab, lab.folder, lab.state)
