"""Bring a lab up from its file, and leave it running; again and again, should it be."""

from collections.abc import Sequence
from contextlib import AsyncExitStack

from nestlab.deadline import Deadline
from nestlab.errors import UsageError
from nestlab.events import Notice, Sink
from nestlab.home import Home
from nestlab.hypervisor.switch import end_switch, switch_identity
from nestlab.lab.access.root import root_of
from nestlab.lab.build.reconcile import Terms, reconcile
from nestlab.lab.change.down import sweep
from nestlab.lab.record.folder import naming
from nestlab.lab.record.known import named
from nestlab.lab.record.opening import held, made
from nestlab.lab.record.running import Lab
from nestlab.lab.wanted.goal import Goal
from nestlab.lab.wanted.spec import NetworkSpec
from nestlab.lab.wanted.tree import paths_in

_SECONDS = 60.0


async def up(goal: Goal, terms: Terms, home: Home, sink: Sink) -> Lab:
    """Make the lab be as its file says; it stays.

    A lab of that name is gone on with: what runs and is right is left alone, what is missing is
    finished, what changed is made again. When it fails, a lab that was not there before leaves
    nothing.

    Raises NestlabError: `lab.busy`, `lab.elsewhere`, `lab.name-taken`, and everything that can go
    wrong on the way.
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
        names = {network.name for network in goal.networks}
        gone = tuple(each for each in lab.state.networks if each.name not in names)
        lab.record(
            networks=(*goal.networks, *gone),
            bench=goal.bench,
            file_sha256=goal.sha256,
            file_folder=goal.folder,
        )
        if goal.snapshot:
            lab.record(images=goal.snapshot.images)
        await reconcile(lab, goal.guests, terms, home, sink, goal.snapshot)
        await _unplug(lab, gone)
        return lab


async def _unplug(lab: Lab, gone: Sequence[NetworkSpec]) -> None:
    """Nobody is on these networks any more."""
    if not gone:
        return
    async with root_of(lab.state.host, deadline=Deadline.after(_SECONDS)) as machine:
        for network in gone:
            identity = switch_identity(lab.state.id, network.name)
            await end_switch(machine, identity, deadline=Deadline.after(_SECONDS))
    lab.record(networks=tuple(each for each in lab.state.networks if each not in gone))


async def _open(goal: Goal, home: Home, stack: AsyncExitStack) -> Lab:
    there = named(home, goal.name)
    if there is None:
        new = made(home, name=goal.name, host=goal.host, stays=True)
        return await stack.enter_async_context(new)
    if goal.snapshot:
        raise UsageError(
            "lab.name-taken",
            f"a lab named {goal.name} is there already",
            hint="give the new one another name with --name, or take that one down:"
            f" `nestlab down {goal.name}`",
        )
    lab = stack.enter_context(held(*there))
    if lab.state.host != goal.host:
        raise UsageError(
            "lab.elsewhere",
            f"lab {goal.name} is on {lab.state.host or 'this machine'}",
            hint="give the same --host, or another name in the lab file",
        )
    return lab
