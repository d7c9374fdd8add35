"""The recursion: promote a machine, see to its guests, and each guest is a machine again."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Network
from pathlib import Path

from nestlab.deadline import Deadline
from nestlab.errors import MachineError
from nestlab.events import Event, Notice, Progress, Sink, State
from nestlab.hypervisor.promote import gather_ready, promote, promote_resumed
from nestlab.hypervisor.protocol import Guest, Hypervisor, Order
from nestlab.lab.build.decide import STAYS, Step
from nestlab.lab.build.disk import fill_disk, unless_full
from nestlab.lab.build.furnish import furnish
from nestlab.lab.build.lost import LOST, again, may_be_lost, patience
from nestlab.lab.build.order import Desk, evidence_of
from nestlab.lab.build.plan import Place, inner_wish, place_in_guest
from nestlab.lab.build.proof import Proof, prove
from nestlab.lab.build.together import together
from nestlab.lab.build.turns import Turns
from nestlab.lab.build.wish import Wish, from_snapshot, wishes
from nestlab.lab.change.stop import shut_down
from nestlab.lab.network.inner_network import move_away
from nestlab.lab.network.ways import prove_networks, prove_way_out
from nestlab.lab.network.wiring import wire
from nestlab.lab.record.running import Lab, Level
from nestlab.lab.wanted.request import Request
from nestlab.lab.wanted.spec import GuestSpec
from nestlab.lab.wanted.tree import every
from nestlab.machine.path import natural

_ADOPT, _GROW = 30.0, 120.0
"""Seconds that a guest which runs has to answer, and to take a larger disk."""


@dataclass
class Climb:
    """One way down a tree of guests; what is up already and as it shall be is left alone.

    taken   grows with every machine's routes
    lost    the machine that failed
    nested  whether a guest is up that may enter guests of its own
    emulated  whether anything of it is emulated
    """

    request: Request
    lab: Lab
    evidence: Path
    sink: Sink
    taken: set[IPv4Network] = field(default_factory=set)
    lost: str = "l0"
    nested: bool = False
    emulated: bool = False
    _default: bool = False
    _inner: dict[str, Hypervisor] = field(default_factory=dict)

    async def climb(self, host: Hypervisor, stack: AsyncExitStack) -> None:
        """See to the guests of `host`, theirs in them, and so on; siblings at the same time.

        Not more boot at once than the user's machine has CPUs: they share those, at every level.
        """
        usable = host.facts.cpu.usable if host.facts.cpu else ()
        state = self.lab.state
        self._default = host.accelerator.emulated
        by_wish = any(each.accel == "tcg" for each in every(self.request.guests))
        self.emulated = self._default or by_wish
        self.wiring = await wire(host, self.lab, self.request.guests, self.sink, stack)
        self._desk = Desk(self.lab, self.wiring, self.sink)
        # emulation loses guests that boot at the same time, and gains next to nothing by it
        self._turns = Turns(1 if self.emulated else max(1, len(usable)))
        known = (guest.subnet for guest in state.guests)
        self.taken.update(IPv4Network(subnet) for subnet in known if subnet)
        self.taken.update(lan.subnet for lan in self.wiring.layout.lans.values())
        # guests of L0 live in the lab's place, deeper ones on their parent's disk
        place = Place(state.place, state.sockets, self.request.images)
        await self._populate(host, place, self.request.guests, stack)
        self.lab.levels.sort(key=lambda level: natural(level.machine.path))

    async def prove(self) -> list[Proof]:
        """Prove every network and level; the machine that was asked last is `lost` if it fails.

        Raises as `prove_networks` and `prove` do.
        """
        await prove_networks(self.wiring, self.lab, self._asking)
        return await prove(self.lab, self._asking)

    def _asking(self, event: Event) -> None:
        if isinstance(event, Progress):
            self.lost = event.subject
        self.sink(event)

    async def _populate(
        self,
        hypervisor: Hypervisor,
        place: Place,
        guests: Sequence[GuestSpec],
        stack: AsyncExitStack,
    ) -> None:
        self.taken.update(hypervisor.facts.routes or ())
        await move_away(hypervisor, self.taken, self.sink)
        found = await wishes(
            guests,
            hypervisor,
            place,
            self.lab.state,
            self.wiring,
            self.taken,
            deadline=Deadline.after(self.request.boot_timeout),
        )
        resumed = (from_snapshot(wish, self.request.saved.get(wish.plan.path)) for wish in found)
        await together(self._raise(wish, hypervisor, stack) for wish in resumed)

    async def _raise(self, wish: Wish, hypervisor: Hypervisor, stack: AsyncExitStack) -> None:
        """One guest, and then what is in it."""
        self.lost = wish.plan.path
        if not await self._adopt(wish, hypervisor, stack):
            await self._clear(wish, hypervisor)
            await self._start_until_up(wish, hypervisor, stack)
        if inner := self._inner.get(wish.plan.path):
            place = place_in_guest(self.lab.state.id, wish.plan, wish.handed)
            await self._populate(inner, place, wish.spec.guests, stack)

    async def _adopt(self, wish: Wish, hypervisor: Hypervisor, stack: AsyncExitStack) -> bool:
        """Whether the guest runs as it shall, and answers."""
        plan, record, step = wish.plan, wish.record, wish.decision.step
        if step not in STAYS or record is None or record.ssh_port is None:
            return False
        deadline = Deadline.after(_ADOPT)
        order = self._desk.order(plan, self.evidence, fresh=False, deadline=deadline)
        try:
            guest = await hypervisor.adopt(order, wish.seen.pid or 0, record.ssh_port)
        except MachineError as problem:
            self.sink(Notice(f"{plan.path} runs but does not answer: {problem.message}"))
            return False
        stack.push_async_callback(guest.machine.close)
        self.nested = True
        if step is Step.GROW:
            await self._grow(wish, guest, hypervisor)
        await self._join(wish, guest, 0.0)
        self.sink(Progress(plan.path, "runs already", State.DONE))
        return True

    async def _grow(self, wish: Wish, guest: Guest, hypervisor: Hypervisor) -> None:
        """A larger disk for a guest that goes on running, with all that is in it."""
        plan, deadline = wish.plan, Deadline.after(_GROW)
        self.sink(Notice(f"{plan.path}: grows while it runs, because {wish.decision.why}"))
        await hypervisor.grow(plan, guest.pid, deadline=deadline)
        await fill_disk(plan, guest.machine, deadline=deadline)
        self.lab.change(plan.path, spec=replace(wish.spec, guests=()))

    async def _clear(self, wish: Wish, hypervisor: Hypervisor) -> None:
        """Switch off what runs of a guest that is started again; a new disk makes all in it new."""
        path, step = wish.plan.path, wish.decision.step
        if step not in {Step.BUILD, Step.KEEP}:
            self.sink(Notice(f"{path}: {step.value}, because {wish.decision.why}"))
        if wish.seen.pid is not None:
            await shut_down(self.lab, path, hypervisor.machine, self.sink)
        if step is Step.REBUILD:
            self.lab.forget(path)

    async def _start_until_up(
        self, wish: Wish, hypervisor: Hypervisor, stack: AsyncExitStack
    ) -> None:
        attempt = 1
        while True:
            try:
                await self._start(wish, hypervisor, stack, attempt)
            except MachineError as problem:
                if not self._again(wish, problem, attempt):
                    self.lost = wish.plan.path
                    raise
                attempt += 1
            else:
                return

    async def _start(
        self, wish: Wish, hypervisor: Hypervisor, stack: AsyncExitStack, attempt: int
    ) -> None:
        """A guest from power-on until all is in it; it stays up on `stack`."""
        plan = wish.plan
        if self._turns.all_taken:
            self.sink(Progress(plan.path, "waiting for its turn"))
        evidence = evidence_of(self.evidence, plan.path, attempt)
        async with AsyncExitStack() as own:
            try:
                async with self._turns.take() as turn:
                    last = not self._fragile(wish) or attempt >= self.request.attempts
                    allowed = patience(plan.path, self.request.boot_timeout, last=last)
                    order = self._desk.order(
                        plan, evidence, fresh=wish.fresh, deadline=Deadline.after(allowed)
                    )
                    order = replace(order, stage=turn.watch(order.stage))
                    guest, seconds = await self._boot(wish, hypervisor, order, own)
                self.nested = True
                settled = Deadline.after(self.request.boot_timeout)
                await furnish(wish, guest.machine, evidence, self.sink, deadline=settled)
                self._desk.ready(plan.path)
                await self._join(wish, guest, seconds)
            except MachineError as problem:
                raise await unless_full(problem, hypervisor.machine, plan) from problem
            await stack.enter_async_context(own.pop_all())
        self.sink(Progress(plan.path, f"up after {seconds:.1f} s", State.DONE))

    def _again(self, wish: Wish, problem: MachineError, attempt: int) -> bool:
        """Whether a guest within a guest, lost to emulation, is started once more; says so."""
        path = wish.plan.path
        lost = self._fragile(wish) and problem.code in LOST
        if not lost or attempt >= self.request.attempts:
            return False
        self.sink(Progress(path, f"lost: {problem.message}", State.FAILED))
        self.sink(Notice(again(path, "it", attempt + 1, self.request.attempts)))
        return True

    def _fragile(self, wish: Wish) -> bool:
        path = wish.plan.path
        return may_be_lost(wish.spec, path, emulated=self._default or self.lab.emulated(path))

    async def _boot(
        self,
        wish: Wish,
        hypervisor: Hypervisor,
        order: Order,
        stack: AsyncExitStack,
    ) -> tuple[Guest, float]:
        self._desk.begin(order, wish)
        stack.callback(lambda: None if self.lab.kept else self._desk.gone(order))
        guest = await stack.enter_async_context(hypervisor.boot(order))
        self._desk.arrived(guest)
        return guest, order.deadline.allowed - order.deadline.remaining

    async def _join(self, wish: Wish, guest: Guest, seconds: float) -> None:
        """It is a machine of the lab, and a hypervisor if there shall be guests in it."""
        deadline, path = Deadline.after(self.request.boot_timeout), guest.machine.path
        if wish.warm or wish.spec.guests:
            self.sink(Progress(path, "becoming a hypervisor"))
            inner = await (
                promote_resumed(guest.machine, wish.warm.manifest.facts, deadline=deadline)
                if wish.warm
                else promote(
                    guest.machine,
                    inner_wish(wish.spec),
                    ours=True,
                    deadline=deadline,
                    back_ends={each.hypervisor for each in wish.spec.guests},
                )
            )
            self._inner[path], facts = inner, inner.facts
        else:
            self.sink(Progress(path, "reading its facts"))
            facts = await gather_ready(guest.machine, deadline=deadline)
        await prove_way_out(wish.plan, guest.machine, self.sink)
        self.lab.levels.append(Level(guest.machine, facts, guest, seconds))
