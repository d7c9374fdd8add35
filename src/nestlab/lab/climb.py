"""The recursion: promote a machine, boot a guest on it, and the guest is a machine again."""

import asyncio
import hashlib
import re
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import IPv4Network
from pathlib import Path

from nestlab.deadline import Deadline
from nestlab.errors import MachineError
from nestlab.events import Notice, Progress, Sink, State
from nestlab.facts.model import Facts
from nestlab.hypervisor.plan import BaseImage, GuestPlan
from nestlab.hypervisor.promote import gather_ready, promote
from nestlab.hypervisor.protocol import Guest, Hypervisor, Login, Order
from nestlab.image.seed import Seed
from nestlab.image.store import Image
from nestlab.lab.disk import grow_root
from nestlab.lab.keys import lab_key, make_key
from nestlab.lab.lost import LOST, again, patience
from nestlab.lab.plan import Place, place_in_guest, plan_guest, share_of
from nestlab.lab.provision import provision
from nestlab.lab.running import Lab, Level
from nestlab.lab.spec import GuestSpec
from nestlab.lab.state import GuestRecord
from nestlab.lab.together import together

ATTEMPTS = 3
"""How often an emulated lab whose nested part is lost while it comes up is started in all."""


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
    """One way down a tree of guests.

    taken   grows with every machine's routes
    lost    the machine that failed
    nested  whether a guest is up that may enter guests of its own
    emulated  whether all that is built has the timings of emulation
    """

    request: Request
    lab: Lab
    evidence: Path
    sink: Sink
    taken: set[IPv4Network] = field(default_factory=set)
    lost: str = "l0"
    nested: bool = False
    emulated: bool = False

    async def climb(self, host: Hypervisor, stack: AsyncExitStack) -> None:
        """Boot the guests of `host`, theirs in them, and so on; siblings at the same time.

        Not more boot at once than the user's machine has CPUs: they share those, at every level.
        """
        self._keys = lab_key(self.lab.folder, f"nestlab {self.lab.state.id}")
        usable = host.facts.cpu.usable if host.facts.cpu else ()
        self.emulated = host.accelerator.emulated or self.lab.emulated(host.machine.path)
        # emulation loses guests that boot at the same time, and gains next to nothing by it
        self._slots = asyncio.Semaphore(1 if self.emulated else max(1, len(usable)))
        await self._populate(host, self.request.guests, stack)
        self.lab.levels.sort(key=lambda level: _natural(level.machine.path))

    async def _populate(
        self, hypervisor: Hypervisor, guests: Sequence[GuestSpec], stack: AsyncExitStack
    ) -> None:
        self.taken.update(hypervisor.facts.routes or ())
        plans, promised = [], 0
        for spec in guests:
            plan = plan_guest(
                spec,
                hypervisor,
                self._place(hypervisor),
                self.lab.state.id,
                self.taken,
                promised=promised,
            )
            self.taken.add(plan.network.subnet)
            promised += share_of(spec)
            plans.append(plan)
        await together(
            self._raise(spec, plan, hypervisor, stack)
            for spec, plan in zip(guests, plans, strict=True)
        )

    async def _raise(
        self, spec: GuestSpec, plan: GuestPlan, hypervisor: Hypervisor, stack: AsyncExitStack
    ) -> None:
        """One guest, and then what is in it."""
        attempt, inner = 1, None
        while True:
            try:
                inner = await self._start(spec, plan, hypervisor, stack, attempt)
                break
            except MachineError as problem:
                if not self._again(plan, problem, attempt):
                    self.lost = plan.path
                    raise
                attempt += 1
        if inner:
            await self._populate(inner, spec.guests, stack)

    async def _start(
        self,
        spec: GuestSpec,
        plan: GuestPlan,
        hypervisor: Hypervisor,
        stack: AsyncExitStack,
        attempt: int,
    ) -> Hypervisor | None:
        """The guest as a hypervisor, if there shall be guests in it; it stays up on `stack`."""
        if self._slots.locked():
            self.sink(Progress(plan.path, "waiting for its turn"))
        evidence = self._evidence(plan, attempt)
        async with AsyncExitStack() as own:
            async with self._slots:
                last = not self.emulated or attempt >= self.request.attempts
                allowed = patience(plan.path, self.request.boot_timeout, last=last)
                guest, seconds = await self._boot(plan, hypervisor, evidence, own, allowed)
            self.nested = True
            inner, facts = await self._settle(spec, plan, guest, evidence)
            await stack.enter_async_context(own.pop_all())
        self.sink(Progress(plan.path, f"up after {seconds:.1f} s", State.DONE))
        self.lab.levels.append(Level(guest.machine, facts, guest, seconds))
        return inner

    def _again(self, plan: GuestPlan, problem: MachineError, attempt: int) -> bool:
        """Whether a guest within a guest, lost to emulation, is started once more; says so."""
        nested = "/" in plan.path and self.emulated and problem.code in LOST
        if not nested or attempt >= self.request.attempts:
            return False
        self.sink(Progress(plan.path, f"lost: {problem.message}", State.FAILED))
        self.sink(Notice(again(plan.path, "it", attempt + 1, self.request.attempts)))
        return True

    async def _settle(
        self, spec: GuestSpec, plan: GuestPlan, guest: Guest, evidence: Path
    ) -> tuple[Hypervisor | None, Facts]:
        """What it needs before it is used: its disk, the user's files, to be a hypervisor."""
        deadline = Deadline.after(self.request.boot_timeout)
        if plan.disk is not None:
            await grow_root(guest.machine, deadline=deadline)
        log = evidence / "first-boot.log"
        await provision(guest.machine, spec, log, self.sink, deadline=deadline)
        if not spec.guests:
            self.sink(Progress(plan.path, "reading its facts"))
            return None, await gather_ready(guest.machine, deadline=deadline)
        self.sink(Progress(plan.path, "becoming a hypervisor"))
        inner = await promote(guest.machine, "kvm", ours=True, deadline=deadline)
        return inner, inner.facts

    def _evidence(self, plan: GuestPlan, attempt: int) -> Path:
        """Where a guest's consoles go; each attempt keeps its own."""
        name = plan.path.replace("/", ".")
        return self.evidence / (name if attempt == 1 else f"{name}-attempt-{attempt}")

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
        evidence: Path,
        stack: AsyncExitStack,
        allowed: float,
    ) -> tuple[Guest, float]:
        deadline = Deadline.after(allowed)
        host_key = make_key(plan.identity)
        order = Order(
            plan=plan,
            seed=Seed(
                hostname=plan.hostname,
                machine_id=hashlib.sha256(plan.identity.encode()).hexdigest()[:32],
                host_key=host_key.private,
                host_key_public=host_key.public,
                authorized_key=self._keys[0].public,
                network=plan.network,
            ),
            login=Login("root", self._keys[1], host_key.public),
            evidence=evidence,
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
            address=str(plan.network.guest.ip),
            vcpus=plan.vcpus,
            memory=plan.memory,
            accelerator=plan.accelerator.name,
            emulated=self.emulated,
            started=datetime.now(UTC),
        )
        others = tuple(guest for guest in self.lab.state.guests if guest.path != plan.path)
        self.lab.record(guests=(*others, record))


def _natural(path: str) -> tuple[tuple[str | int, ...], ...]:
    """`l1/l2-10` after `l1/l2-9`, and every machine after its parent; `l0` is before all."""
    return tuple(
        tuple(int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name))
        for name in path.split("/")
    )
