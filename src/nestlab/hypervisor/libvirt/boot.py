"""The libvirt back end: the same boot, by a QEMU that libvirt starts."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from nestlab.deadline import Deadline
from nestlab.errors import MachineError
from nestlab.hypervisor.libvirt.define import create
from nestlab.hypervisor.libvirt.monitor import VirshMonitor
from nestlab.hypervisor.libvirt.offered import must_be_new_enough
from nestlab.hypervisor.libvirt.tidy import tidy
from nestlab.hypervisor.plan import GuestPlan
from nestlab.hypervisor.protocol import Order
from nestlab.hypervisor.qemu.boot import QemuHypervisor, Started
from nestlab.hypervisor.qemu.monitor import GuestMonitor
from nestlab.hypervisor.qemu.process import prepare_disks
from nestlab.libvirt.version import Version
from nestlab.libvirt.virsh import Virsh

_STOP = 20.0
"""Seconds that libvirt has to end a guest; a hung one is ended by signals."""


@dataclass(frozen=True, kw_only=True)
class LibvirtHypervisor(QemuHypervisor):
    """A machine whose libvirt starts guests: QEMU all the same, with the same disks and addresses.

    uri      of its libvirtd
    version  of that; None: not known
    """

    uri: str
    version: Version | None = None

    def virsh(self, deadline: Deadline) -> Virsh:
        """That machine's, with a limit for all that is asked."""
        return Virsh(self.machine, self.uri, deadline)

    async def _launch(self, order: Order) -> int:
        must_be_new_enough(order.plan, self.version)
        await prepare_disks(self.machine, order.plan, fresh=order.fresh, deadline=order.deadline)
        firmware = self._firmware(order.plan)
        return await create(self.virsh(order.deadline), order.plan, firmware=firmware)

    @contextlib.asynccontextmanager
    async def _monitor(self, started: Started) -> AsyncIterator[GuestMonitor]:
        yield VirshMonitor(self.virsh(started.deadline), started.plan, started.pid)

    async def _remove_folders(self, plan: GuestPlan) -> None:
        await super()._remove_folders(plan)
        await tidy(self.machine, plan.identity, deadline=Deadline.after(_STOP))

    async def _ask_to_quit(self, plan: GuestPlan) -> None:
        """What libvirt cannot end, signals do, and libvirt then notices."""
        with contextlib.suppress(MachineError, TimeoutError):
            await self.virsh(Deadline.after(_STOP)).run("destroy", plan.identity)
