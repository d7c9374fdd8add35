"""From a wish to an image: the installer runs, its console is read, its disk is stored."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from nestlab.deadline import Deadline
from nestlab.errors import MachineError
from nestlab.events import Notice, Progress, Sink, State
from nestlab.hypervisor.accelerator import Accelerator
from nestlab.hypervisor.promote import promote
from nestlab.hypervisor.qemu.arch import Arch, arch_of
from nestlab.image.failures import disk_full, missing_program
from nestlab.image.nocloud import cidata_iso
from nestlab.image.shelve import Label, shelve
from nestlab.image.space import need_space, noticing_a_full_disk
from nestlab.image.store import Image, ImageStore
from nestlab.install import failures, initrd
from nestlab.install.answers import CONSOLE
from nestlab.install.argv import Build, installer_argv
from nestlab.install.console import Reader
from nestlab.install.location import Starter, bring
from nestlab.install.serve import Serving, serving
from nestlab.install.tree import Iso
from nestlab.install.wish import Plan, Wish, plan_for
from nestlab.install.workspace import keeping, workspace
from nestlab.machine.protocol import Completed, Machine
from nestlab.machine.shell import check
from nestlab.units import GIB, MIB

SPACE = 4 * GIB
"""Bytes that must be free before it begins: an installed system takes 1 to 3 GiB."""

_ASK = 60.0
_POLL = 0.25
_MOST = 1 << 20
"""Bytes of the console that are looked at in one go."""

_ARCHITECTURE = "x86_64"

_RESERVE = 64 * MIB
"""Free bytes below which an installation is ended: QEMU would only stop the guest, for good."""


async def install(
    store: ImageStore,
    wish: Wish,
    machine: Machine,
    sink: Sink,
    *,
    deadline: Deadline,
    space: int = SPACE,
) -> Image:
    """Install an image. `machine` is this one (L0).

    Raises what `plan_for`, `bring`, `promote` and `shelve` raise; MachineError `install.prompt`,
    `install.failed`, `install.panicked`, `install.deadline`, `install.died`, `install.unfinished`;
    HostError `image.disk-full`; CleanupError `image.not-removed`. Their `log` is the console's.
    """

    def report(step: str) -> None:
        sink(Progress("image", step))

    plan = await plan_for(wish, machine)
    with noticing_a_full_disk(store.folder, "installing"):
        async with workspace(store) as folder:
            need_space(store.folder, space, "installing")
            console = folder / "console.log"
            with keeping(folder, console, store, wish.name, whole=wish.keep):
                starter = await _bring(plan, folder, report, deadline)
                accelerator, arch = await _accelerator(machine, wish, sink)
                await _make_disk(machine, folder / "disk.qcow2", wish.disk, deadline)
                with ExitStack() as stack:
                    server = stack.enter_context(serving(plan.routes)) if plan.routes else None
                    build = _build(plan, starter, server, folder)
                    argv = installer_argv(build, accelerator, arch)
                    await _Watch(machine, plan, build, report, deadline).run(argv)
            label = Label(wish.name, _ARCHITECTURE, wish.answers.user, _source(plan), None)
            return await shelve(store, build.disk, label, machine, report)


async def _bring(
    plan: Plan, folder: Path, report: Callable[[str], None], deadline: Deadline
) -> Starter:
    """Kernel and initrd, before the deadline."""
    try:
        async with asyncio.timeout(deadline.remaining):
            return await bring(plan.tree, plan.family, folder, report)
    except TimeoutError:
        raise failures.too_late(plan.wish.name, deadline, "bringing the installer") from None


def _source(plan: Plan) -> str:
    name = plan.tree.name
    return name if "://" in name else f"file:{name}"


async def _accelerator(machine: Machine, wish: Wish, sink: Sink) -> tuple[Accelerator, Arch]:
    """As for guests of L0; said aloud where the installer is emulated."""
    sink(Progress("l0", "probing the accelerator"))
    host = await promote(machine, wish.accel, ours=False, deadline=Deadline.after(_ASK))
    where = "l0, while planning the installation"
    if host.facts.arch != _ARCHITECTURE:
        raise failures.other_architecture(host.facts.arch or "unknown", _ARCHITECTURE)
    sink(Progress("l0", f"the installer runs with {host.accelerator.name.upper()}", State.DONE))
    if host.accelerator.emulated:
        sink(Notice(f"{host.accelerator.why}. So the installer runs with TCG: it takes an hour."))
    return host.accelerator, arch_of(_ARCHITECTURE, where=where)


async def _make_disk(machine: Machine, disk: Path, size: int, deadline: Deadline) -> None:
    argv = ("qemu-img", "create", "-q", "-f", "qcow2", str(disk), str(size))
    try:
        await check(machine, argv, deadline=deadline.within(_ASK), code="install.disk-failed")
    except MachineError as problem:
        if problem.code != "machine.no-such-program":
            raise
        raise missing_program("qemu-img", doing="installing") from problem


def _build(plan: Plan, starter: Starter, server: Serving | None, folder: Path) -> Build:
    """The machine, with its answers where it will look for them."""
    family, wish = plan.family, plan.wish
    text, seed = plan.answer_file(server), None
    if family.injected is not None:
        initrd.append(starter.initrd, {family.injected: text.encode()})
    else:
        seed = folder / "cidata.iso"
        seed.write_bytes(cidata_iso({"meta-data": "", family.file: text}))
    return Build(
        identity=f"nestlab-install-{folder.name}",
        kernel=starter.kernel,
        initrd=starter.initrd,
        words=(*wish.words, *family.arguments(plan.source(server)), *CONSOLE),
        vcpus=wish.vcpus,
        memory=wish.memory or family.memory,
        disk=folder / "disk.qcow2",
        console=folder / "console.log",
        media=plan.tree.path if isinstance(plan.tree, Iso) else None,
        answers=seed,
    )


@dataclass
class _Watch:
    """One run of the installer, and all that ends it."""

    machine: Machine
    plan: Plan
    build: Build
    report: Callable[[str], None]
    deadline: Deadline

    def __post_init__(self) -> None:
        self._reader = Reader(self.plan.family.signs)
        self._name = self.plan.wish.name
        self._read = 0

    async def run(self, argv: tuple[str, ...]) -> None:
        """Return when the installer has switched the machine off, and all of its work is done."""
        self.report("starting the installer")
        async with _started(self.machine, argv, self.deadline) as running:
            while not running.done():
                await asyncio.wait({running}, timeout=_POLL)
                self._hear()
                if self.deadline.expired:
                    reader = self._reader
                    raise failures.too_late(self._name, self.deadline, reader.step, reader.last)
                self._need_room()
            self._hear()
            self._judge(running.result())

    def _hear(self) -> None:
        """Tell the steps on the console; raise for what cannot end well."""
        if self.build.console.exists():
            with self.build.console.open("rb") as file:
                file.seek(self._read)
                data = file.read(_MOST)
            self._read += len(data)
            for seen in self._reader.feed(data, time.monotonic()):
                if seen.kind == "step":
                    self.report(seen.text)
                elif seen.kind == "panicked":
                    raise failures.from_console(seen, self._name, self._reader.step)
        if overdue := self._reader.overdue(time.monotonic()):
            raise failures.from_console(overdue, self._name, self._reader.step)

    def _need_room(self) -> None:
        if shutil.disk_usage(self.build.disk.parent).free < _RESERVE:
            message = "the disk filled up while installing"
            raise disk_full(self.build.disk.parent, message, doing="installing")

    def _judge(self, done: Completed) -> None:
        reader, name = self._reader, self._name
        if pending := reader.pending():
            raise failures.from_console(pending, name, reader.step)
        if not (done.ok and reader.ended):
            raise failures.died(done, reader, name)
        if self.plan.wish.own is None and not reader.done:
            raise failures.unfinished(reader, name)


@asynccontextmanager
async def _started(
    machine: Machine, argv: tuple[str, ...], deadline: Deadline
) -> AsyncIterator["asyncio.Future[Completed]"]:
    """The program while it runs; ended when the context is left."""
    last = Deadline(deadline.at + _ASK, deadline.allowed + _ASK)  # ours comes first
    running = asyncio.ensure_future(machine.run(argv, deadline=last))
    try:
        yield running
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
