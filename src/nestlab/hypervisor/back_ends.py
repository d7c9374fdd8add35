"""A machine with more than one way to start guests: each plan says by which."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from nestlab.facts.model import Facts
from nestlab.hypervisor.accelerator import Accelerator
from nestlab.hypervisor.plan import BackEnd, GuestPlan
from nestlab.hypervisor.protocol import Guest, Hypervisor, Order
from nestlab.libvirt.virsh import Virsh
from nestlab.machine.protocol import Machine


@dataclass(frozen=True)
class BackEnds:
    """A hypervisor that passes each order on.

    libvirt  how that one is asked
    """

    by_name: dict[BackEnd, Hypervisor]
    libvirt: Virsh | None = None

    @property
    def machine(self) -> Machine:
        """See `Hypervisor.machine`."""
        return self._any.machine

    @property
    def facts(self) -> Facts:
        """See `Hypervisor.facts`."""
        return self._any.facts

    @property
    def accelerator(self) -> Accelerator:
        """See `Hypervisor.accelerator`."""
        return self._any.accelerator

    def boot(self, order: Order) -> AbstractAsyncContextManager[Guest]:
        """See `Hypervisor.boot`."""
        return self._of(order.plan).boot(order)

    async def adopt(self, order: Order, pid: int, ssh_port: int) -> Guest:
        """See `Hypervisor.adopt`."""
        return await self._of(order.plan).adopt(order, pid, ssh_port)

    @property
    def _any(self) -> Hypervisor:
        return next(iter(self.by_name.values()))

    def _of(self, plan: GuestPlan) -> Hypervisor:
        return self.by_name[plan.hypervisor]
