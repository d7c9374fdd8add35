"""A running guest saved to a folder: memory and devices as QEMU migrates them, and its disk.

Everything goes through the machine of its hypervisor, so a snapshot lies where the guest ran. The
guest's own part is /usr/lib/nestlab/resume of the image (docs/adr/0016).
"""

import asyncio
import dataclasses
import re
import secrets
import shlex
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from tempfile import NamedTemporaryFile

from nestlab.deadline import Deadline
from nestlab.errors import HostError, MachineError, UsageError
from nestlab.facts.model import Facts
from nestlab.hypervisor.plan import GuestPlan
from nestlab.hypervisor.qemu.files import Files
from nestlab.hypervisor.qemu.manifest import Manifest, cpu_of
from nestlab.hypervisor.qemu.monitor import Monitor
from nestlab.machine.protocol import Machine
from nestlab.machine.shell import check
from nestlab.teardown import on_exit
from nestlab.units import format_duration

_BUSY, _TAKEN = 3, 4

# The count of a module's users is not 0 as long as a program has /dev/kvm or a guest open.
_PREPARE = """
for module in kvm_amd kvm_intel; do
    users=/sys/module/$module/refcnt
    [ ! -r $users ] || [ "$(cat $users)" = 0 ] || exit 3
done
sync
echo 1 >/proc/sys/vm/drop_caches
exec /usr/lib/nestlab/resume
"""
_BEGIN = 'umask 077; [ ! -e "$1" ] || exit 4; mkdir -p -- "$2"'
# QEMU says "completed" a moment before the last byte is with `cat`.
_COPY_DISK = """
umask 077
n=0
until [ -e "$1/state" ]; do
    [ $n -lt 100 ] || { echo "QEMU wrote no state" >&2; exit 1; }
    n=$((n + 1)); sleep 0.05
done
cp --sparse=always -- "$2" "$1/root.qcow2"
"""
_SUM = 'cd -- "$1" && chmod 0400 state root.qcow2 && sha256sum -b state root.qcow2'
_PUBLISH = 'sync -- "$1"/* "$1" && mv -T -- "$1" "$2"'

_GREETING = 10.0
"""Seconds until QEMU's monitor has greeted."""

_UNLIMITED = 1 << 40
"""Bytes per second; QEMU's own limit of 128 MiB is for networks that others use too."""


async def save(
    guest: Machine,
    host: Machine,
    plan: GuestPlan,
    folder: str,
    *,
    facts: Facts,
    host_facts: Facts,
    image: str,
    deadline: Deadline,
) -> Manifest:
    """Save a running guest; it runs on afterwards. The folder is there when it is whole.

    guest       its shell; it must have no guests
    host        its hypervisor's machine, where `folder` will be
    facts       of the guest
    host_facts  of `host`
    image       checksum of the base image's disk

    Raises UsageError `snapshot.guests-running`, `snapshot.exists`; HostError
    `snapshot.not-possible`; MachineError `snapshot.failed`, `qmp.*`, `machine.*`.
    """
    where = f"{host.path}, while saving {plan.path}"
    part = f"{folder}.part-{secrets.token_hex(4)}"
    done = await host.run(("sh", "-c", _BEGIN, "sh", folder, part), deadline=deadline)
    if done.status == _TAKEN:
        raise UsageError(
            "snapshot.exists",
            f"there is a snapshot in {folder}",
            where=where,
            hint="give this one another name, or remove that one",
        )
    async with AsyncExitStack() as stack:
        on_exit(stack, lambda: _remove(host, part))
        async with _monitor(host, plan, where, deadline) as monitor:
            await _check_disks(monitor, where)
            on_exit(stack, lambda: _end_waiting(guest))
            await _prepare(guest, deadline)
            async with _stopped(monitor):
                await _write_state(monitor, f"{part}/state", where, deadline)
                argv = ("sh", "-c", _COPY_DISK, "sh", part, Files(plan).overlay)
                await check(host, argv, deadline=deadline, code="snapshot.failed")
            versions = await monitor.version(), await monitor.machine_type()
        if plan.saved:
            await _flatten(host, plan, part, deadline)
        sums = await _checksums(host, part, deadline)
        manifest = Manifest(
            created=datetime.now(UTC), plan=dataclasses.replace(plan, saved=None), image=image,
            qemu=versions[0], machine=versions[1], cpu=cpu_of(plan, host_facts), facts=facts,
            state_sha256=sums[0], disk_sha256=sums[1],
        )  # fmt: skip
        await _publish(host, manifest, part, folder, deadline)
    return manifest


@asynccontextmanager
async def _monitor(
    host: Machine, plan: GuestPlan, where: str, deadline: Deadline
) -> AsyncIterator[Monitor]:
    """QEMU serves one client at a time; the next one waits without a greeting."""
    async with AsyncExitStack() as stack:
        try:
            async with asyncio.timeout(deadline.within(_GREETING).remaining):
                sock = await host.dial(Files(plan).monitor)
                monitor = await stack.enter_async_context(Monitor(plan.path, sock))
        except TimeoutError as problem:
            raise MachineError(
                "snapshot.failed",
                f"the monitor of {plan.path} does not answer",
                where=where,
                hint="another nestlab may be using it; wait for its end",
            ) from problem
        yield monitor


async def _remove(host: Machine, part: str) -> None:
    """What was not published; nothing is left when it was."""
    argv = ("rm", "-rf", "--", part)
    await check(host, argv, deadline=Deadline.after(30), code="snapshot.not-removed")


async def _check_disks(monitor: Monitor, where: str) -> None:
    """Only the root disk's contents are saved; every other disk must be read-only."""
    blocks = await monitor.execute("query-block")
    for block in blocks if isinstance(blocks, list) else ():
        inserted = block.get("inserted")
        if inserted and not inserted.get("ro") and block.get("device") != "root":
            raise _not_possible(f"the disk {block.get('device')} is not part of a snapshot", where)


async def _prepare(guest: Machine, deadline: Deadline) -> None:
    done = await guest.run(("sh", "-c", _PREPARE), deadline=deadline)
    where = f"{guest.path}, while saving it"
    if done.status == _BUSY:
        raise UsageError(
            "snapshot.guests-running",
            f"{guest.path} has guests running, or a program that uses /dev/kvm",
            where=where,
            hint="end them first; a machine that runs guests cannot be saved"
            " (https://docs.kernel.org/virt/kvm/x86/running-nested-guests.html)",
        )
    if not done.ok:
        raise _not_possible(f"its image cannot be resumed: {done.error_text.strip()[:200]}", where)


@asynccontextmanager
async def _stopped(monitor: Monitor) -> AsyncIterator[None]:
    """The guest's processors stand still meanwhile."""
    await monitor.execute("stop")
    try:
        yield
    finally:
        await monitor.execute("cont")


async def _write_state(monitor: Monitor, path: str, where: str, deadline: Deadline) -> None:
    """`exec:` is the one way to a file that QEMU 7.2 offers over a forwarded monitor."""
    whole, part = shlex.quote(path), shlex.quote(f"{path}.part")
    await monitor.execute("migrate-set-parameters", {"max-bandwidth": _UNLIMITED})
    uri = f"exec:umask 077; cat >{part} && mv {part} {whole}"
    try:
        await monitor.execute("migrate", {"uri": uri})
        async with asyncio.timeout(deadline.remaining):
            await monitor.migrated()
    except TimeoutError as problem:
        await monitor.execute("migrate_cancel")
        allowed = format_duration(deadline.allowed)
        raise _failed(f"its state was not written within {allowed}", where) from problem
    except MachineError as problem:
        if blocked := re.search(r"State blocked by (.*)", problem.message):
            raise _not_possible(f"QEMU says: {blocked[0]}", where) from problem
        if problem.code != "qmp.failed":
            raise
        raise _failed(f"QEMU could not write its state: {problem.message}", where) from problem


def _failed(what: str, where: str) -> MachineError:
    return MachineError(
        "snapshot.failed",
        what,
        where=where,
        hint="the disk that holds the snapshots may be full or slow",
    )


async def _flatten(host: Machine, plan: GuestPlan, part: str, deadline: Deadline) -> None:
    """Of a guest that was resumed itself: on the base image, so that the other can be removed."""
    argv = (
        *("qemu-img", "rebase", "-q", "-f", "qcow2", "-b", plan.image.disk, "-F", "raw"),
        f"{part}/root.qcow2",
    )
    await check(host, argv, deadline=deadline, code="snapshot.failed")


async def _end_waiting(guest: Machine) -> None:
    """Only the resumed guest shall become another; this one may be lost by now."""
    with suppress(MachineError):
        await guest.run(("rm", "-f", "/run/nestlab/saving"), deadline=Deadline.after(10))


async def _checksums(host: Machine, part: str, deadline: Deadline) -> list[str]:
    argv = ("sh", "-c", _SUM, "sh", part)
    done = await check(host, argv, deadline=deadline, code="snapshot.failed")
    return [line.split(" ")[0] for line in done.text.splitlines()]


async def _publish(
    host: Machine, manifest: Manifest, part: str, folder: str, deadline: Deadline
) -> None:
    with NamedTemporaryFile("w", prefix="nestlab-snapshot-") as file:
        file.write(manifest.model_dump_json(by_alias=True, indent=1))
        file.flush()
        await host.put(Path(file.name), f"{part}/snapshot.json", mode=0o600)
    argv = ("sh", "-c", _PUBLISH, "sh", part, folder)
    await check(host, argv, deadline=deadline, code="snapshot.failed")


def _not_possible(why: str, where: str) -> HostError:
    return HostError(
        "snapshot.not-possible",
        f"this guest cannot be saved: {why}",
        where=where,
        hint="only a guest that was started with its disks on virtio can be saved",
    )
