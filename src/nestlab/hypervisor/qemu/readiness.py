"""Waiting for a guest's shell, with every witness heard: console, monitor, SSH, the clock."""

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

from nestlab.deadline import Deadline
from nestlab.errors import MachineError
from nestlab.hypervisor.plan import GuestPlan
from nestlab.hypervisor.protocol import Login
from nestlab.hypervisor.qemu.monitor import GuestMonitor
from nestlab.machine.protocol import Machine
from nestlab.machine.shell import NotYet, wait_for
from nestlab.units import format_duration

T = TypeVar("T")

_KNOCK = 30.0
"""Seconds for one login; the key exchange of an emulated L3 takes several."""

_NOT_LISTENING = frozenset({"machine.refused"})
"""What a parent says of a guest that is not up; a parent that is lost will not come back."""

_NOT_READY = frozenset({"machine.deadline", "machine.lost", "ssh.connect-failed"})
"""What becomes of a login while sshd starts, or while the guest is busy."""


async def alive_while(monitor: GuestMonitor, plan: GuestPlan, work: Coroutine[None, None, T]) -> T:
    """Do the work, but give up at once when QEMU goes: raises MachineError `guest.died`."""
    doing, watching = asyncio.ensure_future(work), asyncio.ensure_future(monitor.ended())
    try:
        await asyncio.wait((doing, watching), return_when=asyncio.FIRST_COMPLETED)
        if doing.done():
            return await doing
        raise MachineError(
            "guest.died",
            f"QEMU of {plan.path} ended while the guest was booting",
            where=f"{plan.path}, while booting it",
            hint="its console and QEMU logs tell why",
        )
    finally:
        for task in (doing, watching):
            task.cancel()
        await asyncio.gather(doing, watching, return_exceptions=True)


def no_answer(plan: GuestPlan, deadline: Deadline, stage: str) -> MachineError:
    """The error for a guest that lives but does not get as far as a shell in time."""
    return MachineError(
        "guest.no-answer",
        f"{plan.path} has no shell after {format_duration(deadline.allowed)}; last: {stage}",
        where=f"{plan.path}, while booting it",
        hint="read its console log; --boot-timeout allows more time",
    )


async def log_in(
    parent: Machine, port: int, plan: GuestPlan, login: Login, *, deadline: Deadline
) -> Machine:
    """Knock until the guest's sshd lets us in.

    A wrong host key is never tried again, nor a parent that is lost: raises MachineError
    `machine.lost` for it at once.
    """
    # asyncssh costs time that programs without guests must not pay
    from nestlab.machine.ssh import open_ssh  # noqa: PLC0415

    async def knock() -> Machine | NotYet:
        transient = _NOT_LISTENING
        try:
            sock = await parent.dial(("127.0.0.1", port))
            transient = _NOT_READY
            return await open_ssh(
                path=plan.path,
                sock=sock,
                username=login.username,
                client_key=login.client_key,
                host_key=login.host_key,
                deadline=deadline.within(_KNOCK),
            )
        except MachineError as problem:
            if problem.code not in transient:
                raise
            return NotYet(str(problem))

    return await wait_for(
        knock,
        deadline=deadline,
        what=f"ssh on {plan.path}",
        where=f"{plan.path}, while booting it",
        code="guest.no-answer",
        hint="read its console log; --boot-timeout allows more time",
    )
