"""Stop a guest from inside, start it with its new CPU; if that cannot be, as it was."""

from collections.abc import Awaitable, Callable

from nestlab.deadline import Deadline
from nestlab.errors import MachineError, NestlabError
from nestlab.events import Progress, Sink, discard
from nestlab.expose.look import OFF, Look, state_of
from nestlab.libvirt.virsh import Virsh
from nestlab.machine.shell import NotYet, wait_for

GRACE = 120.0
"""Seconds that a guest has to shut down, and at most half of all there is."""


async def restart(
    virsh: Virsh,
    found: Look,
    *,
    force_off: bool,
    put_back: Callable[[], Awaitable[object]] | None = None,
    tell: Sink = discard,
) -> None:
    """Shut a running guest down, wait for it, start it again.

    force_off   pull its plug when it does not shut down in time
    put_back    restores its old definition; it is called, and the guest started, when it does
                not start with the new one; None: there is nothing better
    Raises MachineError `expose.did-not-stop` (it still runs; the new definition stays),
    `expose.did-not-start` (it runs as before), and what `Virsh.said` raises.
    """
    await _stop(virsh, found, force_off, tell)
    tell(Progress(found.name, "starting it"))
    started = await virsh.run("start", f"--domain={found.uuid}")
    if started.ok:
        return
    reason = await virsh.failed(started)
    if put_back is None:
        raise reason
    await put_back()
    again = "it runs again as it was"
    try:
        await virsh.said("start", f"--domain={found.uuid}")
    except NestlabError as problem:
        again = f"its old definition is back, and it does not start either: {problem.message}"
    raise MachineError(
        "expose.did-not-start",
        f"{found.name} does not start with the new CPU; {again}",
        where=found.title,
        hint="the lines above say why; `nestlab doctor` judges the host",
        notes=reason.notes or (reason.message,),
    )


async def _stop(virsh: Virsh, found: Look, force_off: bool, tell: Sink) -> None:
    tell(Progress(found.name, "shutting it down"))
    grace = virsh.deadline.within(min(GRACE, virsh.deadline.remaining / 2))
    asked = await virsh.run("shutdown", f"--domain={found.uuid}", deadline=grace)
    if asked.ok:
        try:
            await _until_off(virsh, found, grace)
        except MachineError as problem:
            if problem.code != "expose.did-not-stop" or not force_off:
                raise
        else:
            return
    elif not force_off:
        raise await virsh.failed(asked)
    tell(Progress(found.name, "pulling its plug"))
    pulled = await virsh.run("destroy", f"--domain={found.uuid}")
    if not pulled.ok and await state_of(virsh, found.uuid) != OFF:
        raise await virsh.failed(pulled)


async def _until_off(virsh: Virsh, found: Look, grace: Deadline) -> None:
    async def probe() -> bool | NotYet:
        state = await state_of(virsh, found.uuid)
        return True if state == OFF else NotYet(state)

    await wait_for(
        probe,
        deadline=grace,
        what=f"the shutdown of {found.name} is",
        where=found.title,
        code="expose.did-not-stop",
        hint="shut it down from inside and start it: the new CPU is stored; or --force-off, which "
        "pulls its plug",
    )
