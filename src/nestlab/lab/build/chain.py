"""Bring a lab up, prove it and take it down; what emulation loses on the way is tried again."""

import contextlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from nestlab.errors import MachineError
from nestlab.events import Notice, Progress, Sink, State
from nestlab.home import Home
from nestlab.hypervisor.protocol import Hypervisor
from nestlab.lab.build.climb import Climb
from nestlab.lab.build.lost import LOST, again
from nestlab.lab.build.proof import Proof
from nestlab.lab.record.opening import made
from nestlab.lab.record.running import Lab, Level
from nestlab.lab.wanted.request import Request


@contextlib.asynccontextmanager
async def bring_up(
    request: Request, lab: Lab, host: Hypervisor, *, evidence: Path, sink: Sink
) -> AsyncIterator[list[Proof]]:
    """Bring up what is missing; leaving the context takes that down unless it was told to keep it.

    What was up before stays, unless it was lost: then it is started again. Gives the proof of every
    level.
    """
    async with AsyncExitStack() as stack:
        number, proofs = 1, None
        while proofs is None:
            attempt = _Attempt(number, evidence, sink)
            proofs = await _try(request, lab, host, attempt, stack)
            number += 1
        try:
            yield proofs
        except BaseException:
            lab.kept = False
            raise


@contextlib.asynccontextmanager
async def bring_up_new(
    request: Request, home: Home, host: Hypervisor, *, evidence: Path, sink: Sink
) -> AsyncIterator[Lab]:
    """The same with a new lab, which is removed with its guests unless it was told to keep them."""
    async with (
        made(home) as lab,
        bring_up(request, lab, host, evidence=evidence, sink=sink),
    ):
        yield lab


@dataclass(frozen=True)
class _Attempt:
    """One try to bring a lab up; each keeps its evidence apart from that of the one before."""

    number: int
    base: Path
    sink: Sink

    @property
    def evidence(self) -> Path:
        return self.base if self.number == 1 else self.base / f"attempt-{self.number}"


async def _try(
    request: Request, lab: Lab, host: Hypervisor, attempt: _Attempt, stack: AsyncExitStack
) -> list[Proof] | None:
    """Its proof; None when it was lost to emulation and may be tried again."""
    async with AsyncExitStack() as trial:
        lab.levels[:] = [Level(host.machine, host.facts)]
        climb = Climb(request, lab, attempt.evidence, attempt.sink)
        try:
            await climb.climb(host, trial)
            proofs = await climb.prove()
        except MachineError as problem:
            # an emulated L1 alone was never seen to fail: then something else is wrong
            emulation = climb.emulated and climb.nested and problem.code in LOST
            if not emulation or attempt.number >= request.attempts:
                raise
            attempt.sink(Progress(climb.lost, f"lost: {problem.message}", State.FAILED))
            attempt.sink(Notice(again(climb.lost, "the lab", attempt.number + 1, request.attempts)))
            return None
        await stack.enter_async_context(trial.pop_all())
        return proofs
