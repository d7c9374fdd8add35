"""A guest that goes on from a snapshot: its state is checked and loaded into a paused QEMU."""

import shlex
import time

from nestlab.deadline import Deadline
from nestlab.errors import MachineError
from nestlab.hypervisor.plan import Saved
from nestlab.hypervisor.qemu.manifest import damaged, differs
from nestlab.hypervisor.qemu.monitor import Monitor
from nestlab.machine.protocol import Machine
from nestlab.machine.shell import check
from nestlab.machine.tasks import meanwhile

_DATE = ("date", "+%s.%N")


async def load_state(host: Machine, monitor: Monitor, saved: Saved, *, deadline: Deadline) -> None:
    """Load memory and devices; the guest stays paused.

    The checksums are computed at the same time and judged first: what QEMU says of a damaged state
    misleads. Raises HostError `snapshot.version`, StoredDataError `snapshot.damaged`, MachineError
    `snapshot.failed`.
    """
    await _check_versions(host, monitor, saved)
    async with meanwhile(_check_sums(host, saved, deadline)) as checking:
        try:
            await _load(monitor, saved)
        except MachineError as problem:
            await checking
            raise MachineError(
                "snapshot.failed",
                f"QEMU cannot resume from the snapshot: {problem.message}",
                where=f"{host.path}, while resuming from {saved.folder}",
                hint="QEMU's log tells why; make the snapshot anew",
            ) from problem
        await checking


async def set_clock(host: Machine, guest: Machine, *, deadline: Deadline) -> None:
    """Give a resumed guest its host's time, later by the way there alone.

    The guest has set it by its hardware's clock already, which is read in whole seconds.

    Raises MachineError `snapshot.clock`, and whatever `Machine.run` raises.
    """
    asked = time.monotonic()
    told = await check(host, _DATE, deadline=deadline, code="snapshot.clock", limit=64)
    try:
        now = float(told.text) + (time.monotonic() - asked) / 2
    except ValueError:
        raise MachineError(
            "snapshot.clock",
            f"{host.path} does not say what time it is: {told.text!r}",
            where=f"{guest.path}, while resuming it",
            hint="it needs date of GNU coreutils",
        ) from None
    await check(guest, ("date", "-s", f"@{now:.3f}"), deadline=deadline, code="snapshot.clock")


async def _check_versions(host: Machine, monitor: Monitor, saved: Saved) -> None:
    for what, then, now in (
        ("version of QEMU", saved.qemu, await monitor.version()),
        ("machine type", saved.machine, await monitor.machine_type()),
    ):
        if then != now:
            raise differs(host, saved.folder, what, then, now)


async def _load(monitor: Monitor, saved: Saved) -> None:
    uri = f"exec:cat <{shlex.quote(saved.state)}"
    await monitor.execute("migrate-incoming", {"uri": uri})
    await monitor.migrated()


async def _check_sums(host: Machine, saved: Saved, deadline: Deadline) -> None:
    names = ("state", saved.state_sha256), ("root.qcow2", saved.disk_sha256)
    expected = "".join(f"{digest} *{name}\n" for name, digest in names)
    argv = ("env", "-C", saved.folder, "sha256sum", "--check", "--strict", "--quiet")
    done = await host.run(argv, deadline=deadline, stdin=expected.encode())
    if not done.ok:
        words = (done.text or done.error_text).strip().splitlines()
        raise damaged(host, saved.folder, "; ".join(words[:2])[:200])
