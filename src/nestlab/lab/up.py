"""Bring a lab up from its file, and leave it running; again and again, should it be."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from nestlab.errors import UsageError
from nestlab.events import Notice, Sink
from nestlab.home import Home
from nestlab.lab.down import labs, sweep
from nestlab.lab.folder import naming
from nestlab.lab.opening import held, made
from nestlab.lab.reconcile import Terms, reconcile
from nestlab.lab.running import Lab
from nestlab.lab.spec import GuestSpec
from nestlab.lab.tree import paths_in


@dataclass(frozen=True)
class Goal:
    """A lab that shall be there.

    name  the lab's name; no two that are there share one
    host  the machine at its root as `ssh` takes it; None: this one
    """

    name: str
    guests: Sequence[GuestSpec]
    host: str | None = None


async def up(goal: Goal, terms: Terms, home: Home, sink: Sink) -> Lab:
    """Make the lab be as its file says; it stays.

    A lab of that name is gone on with: what runs and is right is left alone, what is missing is
    finished, what changed is made again. Raises NestlabError: `lab.busy`, `lab.elsewhere` and
    everything that can go wrong on the way; a lab that was not there before leaves nothing then.
    """
    for lab_id in await sweep(home):
        sink(Notice(f"took down lab {lab_id}, left over from a nestlab that was killed"))
    async with AsyncExitStack() as stack:
        with naming(home):
            lab = await _open(goal, home, stack)
        for path in sorted({g.path for g in lab.state.guests} - set(paths_in(goal.guests))):
            sink(
                Notice(
                    f"{path} is not in the file: left alone; `nestlab remove {goal.name}:{path}`"
                    " takes it away"
                )
            )
        await reconcile(lab, goal.guests, terms, home, sink)
        return lab


async def _open(goal: Goal, home: Home, stack: AsyncExitStack) -> Lab:
    for folder, state in labs(home):
        if state.name == goal.name:
            lab = stack.enter_context(held(folder, state))
            if lab.state.host != goal.host:
                raise UsageError(
                    "lab.elsewhere",
                    f"lab {goal.name} is on {lab.state.host or 'this machine'}",
                    hint="give the same --host, or another name in the lab file",
                )
            return lab
    return await stack.enter_async_context(made(home, name=goal.name, host=goal.host, stays=True))
