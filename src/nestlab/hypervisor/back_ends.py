"""A machine with more than one way to start guests: each plan says by which."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nestlab.deadline import Deadline
from nestlab.facts.model import Facts
from nestlab.hypervisor.accelerator import Accelerator
from nestlab.hypervisor.plan import GuestPlan
from nestlab.hypervisor.protocol import Guest, Hypervisor, Order
from nestlab.machine.protocol import Machine

if TYPE_CHECKING:
    from nestlab.hypervisor.libvirt.boot import LibvirtHypervisor  # lxml


@dataclass(frozen=True)
class BackEnds:
    """A hypervisor that passes each order on."""

    qemu: Hypervisor
    libvirt: "LibvirtHypervisor"

    @property
    def machine(self) -> Machine:
        """See `Hypervisor.machine`."""
        return self.qemu.machine

    @property
    def facts(self) -> Facts:
        """See `Hypervisor.facts`."""
        return self.qemu.facts

    @property
    def accelerator(self) -> Accelerator:
        """See `Hypervisor.accelerator`."""
        return self.qemu.accelerator

    def boot(self, order: Order) -> AbstractAsyncContextManager[Guest]:
        """See `Hypervisor.boot`."""
        return self._of(order.plan).boot(order)

    async def adopt(self, order: Order, pid: int, ssh_port: int) -> Guest:
        """See `Hypervisor.adopt`."""
        return await self._of(order.plan).adopt(order, pid, ssh_port)

    async def grow(self, plan: GuestPlan, pid: int, *, deadline: Deadline) -> None:
        """See `Hypervisor.grow`."""
        await self._of(plan).grow(plan, pid, deadline=deadline)

    def _of(self, plan: GuestPlan) -> Hypervisor:
        return self.libvirt if plan.hypervisor == "libvirt" else self.qemu
