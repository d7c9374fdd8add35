"""The recursion: promote a machine, boot a guest on it, and the guest is a machine again."""

import hashlib
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from pathlib import Path

from nestlab.deadline import Deadline
from nestlab.events import Progress, Sink, State
from nestlab.hypervisor.plan import BaseImage, GuestPlan
from nestlab.hypervisor.promote import gather_ready, promote
from nestlab.hypervisor.protocol import Guest, Hypervisor, Login, Order
from nestlab.image.seed import Seed
from nestlab.image.store import Image
from nestlab.lab.keys import KeyPair, lab_key, make_key
from nestlab.lab.plan import Place, place_in_guest, plan_guest
from nestlab.lab.running import Lab, Level
from nestlab.lab.spec import GuestSpec
from nestlab.lab.state import GuestRecord


@dataclass(frozen=True)
class Request:
    """What to bring up on a host that is a hypervisor already.

    Inside a guest the accelerator is always KVM: an emulated guest in a guest would not be nested
    virtualization.

    boot_timeout  seconds that each guest has until its shell answers
    attempts      how often an emulated chain is started in all when its nested part is lost while
                  it comes up (docs/how-to/when-a-guest-stops.md); one under KVM, where it is not
    """

    guests: Sequence[GuestSpec]
    image: Image
    boot_timeout: float
    attempts: int = 1


@dataclass
class Climb:
    """One way down the levels.

    taken   grows with every machine's routes
    at      the machine that is being brought up
    nested  whether a guest is up that may enter guests of its own
    """

    request: Request
    lab: Lab
    evidence: Path
    sink: Sink
    taken: set[IPv4Network] = field(default_factory=set)
    at: str = "l0"
    nested: bool = False

    async def climb(self, host: Hypervisor, stack: AsyncExitStack) -> None:
        """Boot one guest after the other, each on the one before."""
        keys = lab_key(self.lab.folder, f"nestlab {self.lab.state.id}")
        hypervisor = host
        for number, spec in enumerate(self.request.guests, start=1):
            self.taken.update(hypervisor.facts.routes or ())
            plan = plan_guest(
                spec, hypervisor, self._place(hypervisor), self.lab.state.id, self.taken
            )
            self.taken.add(plan.network.subnet)
            self.at = plan.path
            guest, seconds = await self._boot(plan, hypervisor, keys, stack)
            self.nested = True
            deadline = Deadline.after(self.request.boot_timeout)
            if number < len(self.request.guests):
                self.sink(Progress(plan.path, "becoming a hypervisor"))
                hypervisor = await promote(guest.machine, "kvm", ours=True, deadline=deadline)
                facts = hypervisor.facts
            else:
                self.sink(Progress(plan.path, "reading its facts"))
                facts = await gather_ready(guest.machine, deadline=deadline)
            self.sink(Progress(plan.path, f"up after {seconds:.1f} s", State.DONE))
            self.lab.levels.append(Level(guest.machine, facts, guest, seconds))

    def _place(self, hypervisor: Hypervisor) -> Place:
        """Guests of L0 live in the lab's folder, deeper ones on their parent's disk."""
        if hypervisor.machine.path != "l0":
            return place_in_guest(self.lab.state.id)
        image = self.request.image
        return Place(
            str(self.lab.folder),
            self.lab.state.sockets,
            BaseImage(str(image.disk), str(image.kernel)),
        )

    async def _boot(
        self,
        plan: GuestPlan,
        hypervisor: Hypervisor,
        keys: tuple[KeyPair, Path],
        stack: AsyncExitStack,
    ) -> tuple[Guest, float]:
        deadline = Deadline.after(self.request.boot_timeout)
        host_key = make_key(plan.identity)
        order = Order(
            plan=plan,
            seed=Seed(
                hostname=plan.hostname,
                machine_id=hashlib.sha256(plan.identity.encode()).hexdigest()[:32],
                host_key=host_key.private,
                host_key_public=host_key.public,
                authorized_key=keys[0].public,
                network=plan.network,
            ),
            login=Login("root", keys[1], host_key.public),
            evidence=self.evidence / plan.path.replace("/", "."),
            stage=lambda step: self.sink(Progress(plan.path, step)),
            deadline=deadline,
            kept=lambda: self.lab.kept,
        )
        self._record(plan, host_key.public)
        guest = await stack.enter_async_context(hypervisor.boot(order))
        self._record(plan, host_key.public, pid=guest.pid, port=guest.ssh_port)
        return guest, deadline.allowed - deadline.remaining

    def _record(
        self, plan: GuestPlan, host_key: str, *, pid: int | None = None, port: int | None = None
    ) -> None:
        """Noted before anything is started, so that another nestlab can end what it finds."""
        record = GuestRecord(
            path=plan.path,
            identity=plan.identity,
            pid=pid,
            folder=plan.folder,
            sockets=plan.sockets,
            ssh_port=port,
            host_key=host_key,
        )
        others = tuple(guest for guest in self.lab.state.guests if guest.path != plan.path)
        self.lab.record(guests=(*others, record))
