"""QEMU as a process of the hypervisor's machine: start it, find it, end it.

Everything goes through the machine's shell, so the same lines start L1 on L0 and L2 in L1. Only a
process that carries the plan's identity in its command line is ever signalled.
"""

import re

from nestlab.deadline import Deadline
from nestlab.errors import CleanupError, HostError, MachineError, NestlabError
from nestlab.hypervisor.carriers import CARRIERS
from nestlab.hypervisor.plan import GuestPlan
from nestlab.hypervisor.qemu.argv import qemu_argv
from nestlab.hypervisor.qemu.disks import grow_argv, initrd_argv, overlay_argv, scratch_argv
from nestlab.hypervisor.qemu.files import Files
from nestlab.machine.failures import last_lines
from nestlab.machine.protocol import Completed, Machine
from nestlab.machine.shell import check

# QEMU's util/osdep.c and block/file-posix.c
_NO_DIRECT_IO = re.compile(r"not support O_DIRECT|O_DIRECT alignment")

_MAKE_FOLDERS = 'umask 077; mkdir -p -- "$@"'

_END = (
    CARRIERS
    + """
gone_within() {
    n=0
    while pids=$(carriers "$1"); [ -n "$pids" ]; do
        [ "$n" -lt "$2" ] || return 1
        n=$((n + 1)); sleep 0.1
    done
}
gone_within "$1" "$2" && exit 0
kill -TERM $pids
gone_within "$1" "$3" && exit 0
kill -KILL $pids
gone_within "$1" 50 && exit 0
echo $pids
exit 1
"""
)


async def make_folders(machine: Machine, plan: GuestPlan, *, deadline: Deadline) -> None:
    """Create the guest's folders on the hypervisor's machine, private to its user."""
    argv = ("sh", "-c", _MAKE_FOLDERS, "sh", plan.folder, plan.sockets)
    await check(machine, argv, deadline=deadline, code="guest.folder-failed")


async def remove_folders(machine: Machine, plan: GuestPlan, *, deadline: Deadline) -> None:
    """Remove the guest's folders."""
    argv = ("rm", "-rf", "--", plan.folder, plan.sockets)
    await check(machine, argv, deadline=deadline, code="guest.folder-not-removed")


def _disk_argvs(plan: GuestPlan, *, fresh: bool) -> tuple[tuple[str, ...], ...]:
    if fresh:
        return (overlay_argv(plan), *scratch_argv(plan))
    grow = grow_argv(plan)
    return (grow,) if grow else ()


async def prepare_disks(
    machine: Machine, plan: GuestPlan, *, fresh: bool, deadline: Deadline
) -> None:
    """New disks, or those that are there at their size. Raises MachineError `guest.disk-failed`."""
    for disk in _disk_argvs(plan, fresh=fresh):
        await check(machine, disk, deadline=deadline, code="guest.disk-failed")


async def launch(
    machine: Machine,
    plan: GuestPlan,
    *,
    firmware: str | None,
    fresh: bool = True,
    deadline: Deadline,
) -> int:
    """Prepare the disks, start QEMU (paused) and return its process id.

    fresh  whether it gets new disks; else those that are there, of which the root may have to grow

    Raises HostError `qemu.missing`, `guest.no-direct-io`; MachineError `guest.disk-failed`,
    `guest.launch-failed` with QEMU's own words.
    """
    try:
        await prepare_disks(machine, plan, fresh=fresh, deadline=deadline)
        if copy := initrd_argv(plan):
            await check(machine, copy, deadline=deadline, code="guest.disk-failed")
        done = await machine.run(qemu_argv(plan, firmware=firmware), deadline=deadline)
    except MachineError as problem:
        if problem.code == "machine.no-such-program":
            raise qemu_missing(machine.path) from problem
        raise
    if not done.ok:
        raise await _launch_failed(machine, plan, done, deadline)
    argv = ("cat", "--", Files(plan).pid)
    told = await check(machine, argv, deadline=deadline, code="guest.launch-failed")
    pid = told.text.strip()
    if not (pid.isascii() and pid.isdecimal()):
        raise MachineError(
            "guest.launch-failed",
            f"QEMU of {plan.path} wrote no process id: {pid[:40]!r}",
            where=f"{machine.path}, while starting {plan.path}",
            hint="the disk of that machine may be full",
        )
    return int(pid)


async def _launch_failed(
    machine: Machine, plan: GuestPlan, done: Completed, deadline: Deadline
) -> NestlabError:
    """With -D and -daemonize QEMU complains partly on stderr, partly into its log."""
    log = await machine.run(("tail", "-n", "5", "--", Files(plan).qemu_log), deadline=deadline)
    notes = (*last_lines(done.stderr), *(last_lines(log.stdout) if log.ok else ()))
    where = f"{machine.path}, while starting {plan.path}"
    if any(_NO_DIRECT_IO.search(line) for line in notes):
        return HostError(
            "guest.no-direct-io",
            f"the file system that holds the disks of {plan.path} has no direct I/O (O_DIRECT)",
            where=where,
            hint="set NESTLAB_HOME to a folder on another disk (ext4, XFS or Btrfs)",
            notes=notes,
        )
    return MachineError(
        "guest.launch-failed",
        f"QEMU did not start {plan.path}",
        where=where,
        hint="the lines above are QEMU's own words",
        notes=notes,
    )


def qemu_missing(path: str) -> HostError:
    """The error for a machine without QEMU."""
    return HostError(
        "qemu.missing",
        f"{path} has no QEMU",
        where=f"{path}, while promoting it",
        hint="install it: `sudo apt-get install qemu-system-x86 qemu-utils` (Debian, Ubuntu), "
        "`sudo dnf install qemu-system-x86 qemu-img` (Fedora)",
    )


async def end(
    machine: Machine, identity: str, *, patience: float, deadline: Deadline, grace: float = 3.0
) -> None:
    """See every process of a guest off: `patience` seconds by itself, then TERM, KILL, verify.

    grace  seconds between TERM and KILL

    Processes are found by what they carry in their command line, not by a pid that was noted: QEMU
    may have been started a moment before its pid could be. Raises CleanupError
    `guest.still-running`.
    """
    tenths = (str(round(seconds * 10)) for seconds in (patience, grace))
    argv = ("sh", "-c", _END, "sh", identity, *tenths)
    done = await machine.run(argv, deadline=deadline)
    if not done.ok:
        raise CleanupError(
            "guest.still-running",
            f"QEMU of {identity} does not end",
            where=f"{machine.path}, while taking the guest down",
            hint=f"look at it: `ps -o pid,stat,wchan,args -p {done.text.strip()}`",
        )
