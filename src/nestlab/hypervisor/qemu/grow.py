"""A larger root disk for a guest that runs."""

import asyncio
from contextlib import AbstractAsyncContextManager

from nestlab.deadline import Deadline
from nestlab.errors import MachineError
from nestlab.hypervisor.plan import GuestPlan
from nestlab.hypervisor.qemu.monitor import GuestMonitor
from nestlab.units import format_duration


async def grow_root(
    opened: AbstractAsyncContextManager[GuestMonitor], plan: GuestPlan, *, deadline: Deadline
) -> None:
    """Give it the size of its plan; a smaller one would cut off what is at its end.

    Raises MachineError `guest.disk-not-grown`, and what the monitor raises.
    """
    try:
        async with asyncio.timeout(deadline.remaining), opened as monitor:
            if plan.disk and await monitor.root_size() < plan.disk:
                await monitor.resize_root(plan.disk)
    except TimeoutError:
        raise MachineError(
            "guest.disk-not-grown",
            f"QEMU of {plan.path} did not answer within {format_duration(deadline.allowed)}",
            where=f"{plan.path}, while growing its disk",
            hint=f"start it again, and its disk grows: `nestlab reboot {plan.path}`",
        ) from None
