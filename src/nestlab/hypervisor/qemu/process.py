"""QEMU as a process of the hypervisor's machine: start it, find it, end it.

Everything goes through the machine's shell, so the same lines start L1 on L0 and L2 in L1. Only a
process that carries the plan's identity in its command line is ever signalled.
"""

from nestlab.deadline import Deadline
from nestlab.errors import CleanupError, HostError, MachineError
from nestlab.hypervisor.plan import GuestPlan
from nestlab.hypervisor.qemu.argv import Files, overlay_argv, qemu_argv
from nestlab.machine.protocol import Machine
from nestlab.machine.shell import check

_MAKE_FOLDERS = 'umask 077; mkdir -p -- "$@"'

_END = """
carries() { tr '\\0' '\\n' <"/proc/$1/cmdline" 2>/dev/null | grep -qxF -- "$2"; }
gone_within() {
    n=0
    while carries "$1" "$2"; do
        [ "$n" -lt "$3" ] || return 1
        n=$((n + 1)); sleep 0.1
    done
}
gone_within "$1" "$2" "$3" && exit 0
kill -TERM "$1"
gone_within "$1" "$2" 30 && exit 0
kill -KILL "$1"
gone_within "$1" "$2" 50
"""


async def make_folders(machine: Machine, plan: GuestPlan, *, deadline: Deadline) -> None:
    """Create the guest's folders on the hypervisor's machine, private to its user."""
    argv = ("sh", "-c", _MAKE_FOLDERS, "sh", plan.folder, plan.sockets)
    await check(machine, argv, deadline=deadline, code="guest.folder-failed")


async def remove_folders(machine: Machine, plan: GuestPlan, *, deadline: Deadline) -> None:
    """Remove the guest's folders."""
    argv = ("rm", "-rf", "--", plan.folder, plan.sockets)
    await check(machine, argv, deadline=deadline, code="guest.folder-not-removed")


async def launch(
    machine: Machine, plan: GuestPlan, *, firmware: str | None, deadline: Deadline
) -> int:
    """Create the overlay, start QEMU (paused) and return its process id.

    Raises HostError `qemu.missing`; MachineError `guest.disk-failed`, `guest.launch-failed` with
    QEMU's own words.
    """
    try:
        await check(machine, overlay_argv(plan), deadline=deadline, code="guest.disk-failed")
        await check(
            machine,
            qemu_argv(plan, firmware=firmware),
            deadline=deadline,
            code="guest.launch-failed",
            hint="the notes are QEMU's own words; its full command line is in the log",
        )
    except MachineError as problem:
        if problem.code == "machine.no-such-program":
            raise qemu_missing(machine.path) from problem
        raise
    argv = ("cat", "--", Files(plan).pid)
    done = await check(machine, argv, deadline=deadline, code="guest.launch-failed")
    return int(done.text)


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
    machine: Machine, *, pid: int, identity: str, patience: float, deadline: Deadline
) -> None:
    """See the process off: `patience` seconds for itself, then TERM, then KILL, then verify.

    Raises CleanupError `guest.still-running`.
    """
    argv = ("sh", "-c", _END, "sh", str(pid), f"guest={identity}", str(round(patience * 10)))
    done = await machine.run(argv, deadline=deadline)
    if not done.ok:
        raise CleanupError(
            "guest.still-running",
            f"QEMU process {pid} of {identity} does not end",
            where=f"{machine.path}, while taking the guest down",
            hint=f"look at it: `ps -o pid,stat,wchan,args -p {pid}`",
        )
