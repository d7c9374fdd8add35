"""A machine's libvirtd: which one it is, started where the machine is the lab's, and asked."""

from nestlab.deadline import Deadline
from nestlab.errors import MachineError
from nestlab.libvirt.version import Version, version_of
from nestlab.libvirt.virsh import SESSION, SYSTEM, Virsh
from nestlab.machine.protocol import Machine
from nestlab.machine.shell import check

_ENABLE = (
    # without a look at all units: what is enabled does not change them, and it takes seconds there
    ("systemctl", "--no-reload", "enable", "libvirtd"),
    ("systemctl", "start", "libvirtd"),
)


async def find_libvirt(
    machine: Machine, *, ours: bool, deadline: Deadline
) -> tuple[Virsh, Version | None]:
    """The libvirt that the machine's user has: the system's for root, else a session of theirs.

    With it its version, None where it does not say.

    ours  whether the machine belongs to the lab: then its service is enabled, as a person would

    Raises HostError `libvirt.missing`, `libvirt.no-daemon`, `libvirt.refused`; MachineError.
    """
    done = await check(machine, ("id", "-u"), deadline=deadline, code="libvirt.failed")
    virsh = Virsh(machine, SYSTEM if done.text.strip() == "0" else SESSION, deadline)
    if ours:
        await _enable(machine, deadline)
    said = await virsh.said("version", "--daemon")
    return virsh, version_of(said.decode("utf-8", "backslashreplace"))


async def _enable(machine: Machine, deadline: Deadline) -> None:
    """Failing is no news here: whether it answers is asked next."""
    try:
        for argv in _ENABLE:
            await machine.run(argv, deadline=deadline)
    except MachineError as problem:
        if problem.code != "machine.no-such-program":
            raise
