"""The QEMU back end: a machine with QEMU becomes a hypervisor, a plan becomes a guest."""

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

from nestlab.deadline import Deadline
from nestlab.errors import MachineError
from nestlab.facts.model import Facts
from nestlab.hypervisor.accelerator import Accelerator
from nestlab.hypervisor.plan import GuestPlan
from nestlab.hypervisor.protocol import LOGGING_IN, Guest, Order, Stage
from nestlab.hypervisor.qemu import process
from nestlab.hypervisor.qemu.arch import arch_of, firmware_for
from nestlab.hypervisor.qemu.console import find_panic, panicked, watch_boot
from nestlab.hypervisor.qemu.files import Files
from nestlab.hypervisor.qemu.grow import grow_root
from nestlab.hypervisor.qemu.manifest import cpu_of, differs
from nestlab.hypervisor.qemu.monitor import GuestMonitor, Monitor
from nestlab.hypervisor.qemu.passt import start_passt
from nestlab.hypervisor.qemu.readiness import alive_while, log_in, no_answer
from nestlab.hypervisor.qemu.resume import load_state, set_clock
from nestlab.hypervisor.qemu.seed_disk import put_seed
from nestlab.machine.protocol import Machine
from nestlab.teardown import on_exit

_CLEANUP = 30.0
"""Seconds for each step of taking a guest down."""

_QUIT = 5.0
"""Seconds that QEMU has to take the wish to end; a hung one is ended by signals."""

_SILENCE = 20.0
"""Seconds before the deadline at which SSH is tried although the console never said ready."""

_GONE = frozenset({"machine.lost", "machine.deadline", "machine.refused"})


@dataclass
class _LastStage:
    """Passes stages on and remembers the last one, for the error at the deadline."""

    sink: Stage
    stage: str = "starting QEMU"

    def tell(self, stage: str) -> None:
        self.stage = stage
        self.sink(stage)


@dataclass(frozen=True)
class Started:
    """A guest whose QEMU runs, and how long its questions may take."""

    plan: GuestPlan
    pid: int
    deadline: Deadline


@dataclass(frozen=True)
class QemuHypervisor:
    """A machine that starts guests with its own QEMU.

    firmware  what starts a kernel of ours there, None: QEMU's default
    loader    what starts an image that boots by itself, None: QEMU's default
    """

    machine: Machine
    facts: Facts
    accelerator: Accelerator
    firmware: str | None
    loader: str | None = None

    @contextlib.asynccontextmanager
    async def boot(self, order: Order) -> AsyncIterator[Guest]:
        """See `Hypervisor.boot`."""
        plan, deadline = order.plan, order.deadline
        self._check_cpu(plan)
        async with AsyncExitStack() as stack:
            if order.fresh:
                on_exit(stack, lambda: self._remove_folders(plan))
            order.stage("preparing")
            await process.make_folders(self.machine, plan, deadline=deadline)
            await put_seed(self.machine, order)
            on_exit(stack, lambda: self._save_evidence(order))
            order.stage("starting QEMU")
            on_exit(stack, lambda: self._end(plan))
            nat = await self._start_nat(order)
            pid = await self._launch(order)
            async with AsyncExitStack() as links:  # closed even where the guest stays
                yield await self._bring_up(order, pid, nat, links)
            if order.kept():
                stack.pop_all()

    async def adopt(self, order: Order, pid: int, ssh_port: int) -> Guest:
        """See `Hypervisor.adopt`."""
        plan, deadline = order.plan, order.deadline
        machine = await log_in(self.machine, ssh_port, plan, order.login, deadline=deadline)
        try:
            async with (
                asyncio.timeout(deadline.remaining),
                self._monitor(Started(plan, pid, deadline)) as monitor,
            ):
                return await self._guest(plan, machine, pid, ssh_port, monitor)
        except BaseException as problem:
            await machine.close()
            if isinstance(problem, TimeoutError):
                raise no_answer(plan, deadline, "asking its monitor") from None
            raise

    async def grow(self, plan: GuestPlan, pid: int, *, deadline: Deadline) -> None:
        """See `Hypervisor.grow`."""
        await grow_root(self._monitor(Started(plan, pid, deadline)), plan, deadline=deadline)

    async def _start_nat(self, order: Order) -> int | None:
        """The forwarded port, when the NAT is not in QEMU itself."""
        if order.plan.nat == "slirp":
            return None
        return await start_passt(self.machine, order.plan, deadline=order.deadline)

    async def _launch(self, order: Order) -> int:
        """The process id of its QEMU, which waits."""
        plan = order.plan
        return await process.launch(
            self.machine,
            plan,
            firmware=self._firmware(plan),
            fresh=order.fresh,
            deadline=order.deadline,
        )

    @contextlib.asynccontextmanager
    async def _monitor(self, started: Started) -> AsyncIterator[GuestMonitor]:
        async with await self._qmp(started.plan) as monitor:
            yield monitor

    async def _qmp(self, plan: GuestPlan) -> Monitor:
        return Monitor(plan.path, await self.machine.dial(Files(plan).monitor))

    def _firmware(self, plan: GuestPlan) -> str | None:
        """Raises HostError `qemu.no-firmware`."""
        where = f"{self.machine.path}, while starting {plan.path}"
        itself = plan.image.kernel is None
        found = self.loader if itself else self.firmware
        arch = arch_of(plan.arch, where=where)
        return firmware_for(arch, found, boots_itself=itself, where=where)

    async def _bring_up(
        self, order: Order, pid: int, port: int | None, stack: AsyncExitStack
    ) -> Guest:
        """From a paused QEMU to a guest with a shell, all of it before the deadline."""
        seen = _LastStage(order.stage)
        order = dataclasses.replace(order, stage=seen.tell)
        try:
            async with asyncio.timeout(order.deadline.remaining):
                return await self._until_up(order, pid, port, stack)
        except TimeoutError:
            problem = no_answer(order.plan, order.deadline, seen.stage)
            raise await self._with_console(order, problem) from None
        except MachineError as problem:
            raise await self._with_console(order, problem) from problem

    async def _until_up(
        self, order: Order, pid: int, port: int | None, stack: AsyncExitStack
    ) -> Guest:
        plan = order.plan
        monitor = await stack.enter_async_context(self._monitor(Started(plan, pid, order.deadline)))
        if plan.saved and isinstance(monitor, Monitor):
            order.stage("loading its memory")
            await load_state(self.machine, monitor, plan.saved, deadline=order.deadline)
        work = self._until_shell(order, port, monitor)
        machine, ssh_port = await alive_while(monitor, plan, work)
        on_exit(stack, machine.close)
        if plan.saved:
            await set_clock(self.machine, machine, deadline=order.deadline)
        return await self._guest(plan, machine, pid, ssh_port, monitor)

    async def _guest(
        self, plan: GuestPlan, machine: Machine, pid: int, ssh_port: int, monitor: GuestMonitor
    ) -> Guest:
        return Guest(
            plan=plan,
            machine=machine,
            pid=pid,
            ssh_port=ssh_port,
            kvm_enabled=await monitor.kvm_enabled(),
            qemu_version=await monitor.version(),
            firmware=self.firmware,
        )

    async def _until_shell(
        self, order: Order, port: int | None, monitor: GuestMonitor
    ) -> tuple[Machine, int]:
        plan, deadline = order.plan, order.deadline
        console = await self.machine.dial(Files(plan).console)
        if port is None:
            port = await monitor.ssh_port()
        order.stage("resuming" if plan.saved else "starting the kernel")
        await monitor.resume()
        patience = max(deadline.remaining - _SILENCE, deadline.remaining / 2)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await watch_boot(console, plan.path, order.stage)
        order.stage(LOGGING_IN)
        return await log_in(self.machine, port, plan, order.login, deadline=deadline), port

    def _check_cpu(self, plan: GuestPlan) -> None:
        """A guest that was saved goes on with the same processor only."""
        now = cpu_of(plan, self.facts)
        if plan.saved and plan.saved.cpu != now:
            raise differs(self.machine, plan.saved.folder, "processor", plan.saved.cpu, now)

    async def _with_console(self, order: Order, problem: MachineError) -> MachineError:
        """The same error, with the console log saved and its last words quoted."""
        await self._save_evidence(order)
        log = order.evidence / "console.log"
        text = log.read_text("utf-8", "backslashreplace") if log.exists() else ""
        if panic := find_panic(text):
            problem = panicked(order.plan.path, panic)
        return dataclasses.replace(problem, log=str(log) if text else problem.log)

    async def _save_evidence(self, order: Order) -> None:
        """Copy the logs to L0; what cannot be had any more is left out."""
        files = Files(order.plan)
        order.evidence.mkdir(parents=True, exist_ok=True)
        for remote in (files.console_log, files.qemu_log):
            with contextlib.suppress(MachineError, TimeoutError):
                async with asyncio.timeout(_CLEANUP):
                    await self.machine.get(remote, order.evidence / remote.rpartition("/")[2])

    async def _end(self, plan: GuestPlan) -> None:
        """Soft, hard, verified. A machine that is lost has taken its guests with it."""
        try:
            await self._ask_to_quit(plan)
            deadline = Deadline.after(_CLEANUP)
            await process.end(self.machine, plan.identity, patience=3, deadline=deadline)
        except MachineError as problem:
            if problem.code not in _GONE:
                raise

    async def _ask_to_quit(self, plan: GuestPlan) -> None:
        with contextlib.suppress(MachineError, TimeoutError):
            async with asyncio.timeout(_QUIT):
                async with await self._qmp(plan) as monitor:
                    await monitor.execute("quit")

    async def _remove_folders(self, plan: GuestPlan) -> None:
        try:
            await process.remove_folders(self.machine, plan, deadline=Deadline.after(_CLEANUP))
        except MachineError as problem:
            if problem.code not in _GONE:
                raise
