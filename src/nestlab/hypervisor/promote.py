"""A machine becomes a hypervisor, or an error says which link of the chain is broken."""

from collections.abc import Collection

from nestlab.deadline import Deadline
from nestlab.errors import MachineError
from nestlab.facts.gather import ProbeOptions, gather
from nestlab.facts.model import Facts
from nestlab.hypervisor.accelerator import Wanted, choose_accelerator
from nestlab.hypervisor.back_ends import BackEnds
from nestlab.hypervisor.plan import BackEnd
from nestlab.hypervisor.protocol import Hypervisor
from nestlab.hypervisor.qemu.arch import Arch, arch_of
from nestlab.hypervisor.qemu.boot import QemuHypervisor
from nestlab.hypervisor.qemu.process import qemu_missing
from nestlab.libvirt.version import Version
from nestlab.libvirt.virsh import Virsh
from nestlab.machine.protocol import Machine
from nestlab.machine.shell import NotYet, wait_for
from nestlab.machine.tasks import meanwhile

_LOOK = """
command -v -- "$1" >/dev/null && command -v qemu-img >/dev/null || exit 1
shift
for file; do [ -r "$file" ] && { echo "$file"; break; }; done
exit 0
"""

_OURS = ProbeOptions(programs=False)
"""Built images have what guests need; where it is missing, the first guest says so."""

_SETTLED = ("running", "degraded")
_MODULES = ("kvm_amd", "kvm_intel")


async def promote(
    machine: Machine,
    wanted: Wanted,
    *,
    ours: bool,
    deadline: Deadline,
    back_ends: Collection[BackEnd] = (),
) -> Hypervisor:
    """Probe the machine and make it a hypervisor.

    ours  whether the machine belongs to the lab: then its KVM module is loaded when its CPU has
          the extension, and its libvirtd is started; the user's own machine is never changed
    back_ends  which of them its guests need

    Raises HostError: `kvm.*` and `cpu.*` when KVM is wanted and a link is broken, `qemu.missing`,
    `libvirt.*`, `arch.unsupported`; and what `gather` raises.
    """
    if ours:
        await make_ready(machine, deadline)
    # asking QEMU what it can do, which a new libvirtd does first, takes as long as the probe
    async with meanwhile(_libvirt(machine, back_ends, ours=ours, deadline=deadline)) as looking:
        facts = await gather(machine, deadline=deadline, options=_OURS if ours else ProbeOptions())
        accelerator = choose_accelerator(facts, wanted, path=machine.path)
        arch = arch_of(facts.arch or "unknown", where=f"{machine.path}, while promoting it")
        firmware = await _find_qemu(machine, arch, arch.firmware, deadline)
        loader = await _find_qemu(machine, arch, arch.loader, deadline) if arch.loader else None
        found = await looking
    qemu = QemuHypervisor(machine, facts, accelerator, firmware, loader)
    if found is None:
        return qemu
    from nestlab.hypervisor.libvirt.boot import LibvirtHypervisor  # noqa: PLC0415  (lxml)

    virsh, version = found
    libvirt = LibvirtHypervisor(
        machine, facts, accelerator, firmware, loader, uri=virsh.uri, version=version
    )
    return BackEnds(qemu, libvirt)


async def _libvirt(
    machine: Machine, back_ends: Collection[BackEnd], *, ours: bool, deadline: Deadline
) -> tuple[Virsh, Version | None] | None:
    """The machine's libvirt, when guests need it."""
    if "libvirt" not in back_ends:
        return None
    from nestlab.hypervisor.libvirt.daemon import find_libvirt  # noqa: PLC0415  (lxml)

    return await find_libvirt(machine, ours=ours, deadline=deadline)


async def promote_resumed(machine: Machine, facts: Facts, *, deadline: Deadline) -> Hypervisor:
    """Make a guest a hypervisor that was one when it was saved.

    facts  those of that time: nothing of them is asked again, which takes longer than to resume

    Raises HostError `kvm.*` and `cpu.*` when it was none, `qemu.missing`, `arch.unsupported`.
    """
    accelerator = choose_accelerator(facts, "kvm", path=machine.path)
    arch = arch_of(facts.arch or "unknown", where=f"{machine.path}, while promoting it")
    firmware = await _find_qemu(machine, arch, arch.firmware, deadline)
    return QemuHypervisor(machine, facts, accelerator, firmware)


async def gather_ready(machine: Machine, *, deadline: Deadline) -> Facts:
    """Facts of a machine of the lab, once it has settled and has its KVM module."""
    await make_ready(machine, deadline)
    return await gather(machine, deadline=deadline, options=_OURS)


async def make_ready(machine: Machine, deadline: Deadline) -> None:
    """Wait for a machine of the lab, and load its KVM module."""
    await settle(machine, deadline)
    await load_kvm(machine, deadline)


async def settle(machine: Machine, deadline: Deadline) -> None:
    """Wait until a guest's systemd has started what it starts by itself.

    Under QEMU's SVM emulation a guest that enters a guest of its own for the first time while
    systemd starts freezes now and then, both CPUs in a soft lockup
    (docs/how-to/when-a-guest-stops.md). Machines without systemd have nothing to wait for.
    """

    async def state() -> str | NotYet:
        done = await machine.run(("systemctl", "is-system-running"), deadline=deadline)
        found = done.text.strip()
        return found if found in _SETTLED else NotYet(found or "systemd does not answer yet")

    try:
        await wait_for(
            state,
            deadline=deadline,
            what=f"systemd of {machine.path}",
            where=f"{machine.path}, while promoting it",
            pause=0.3,
        )
    except MachineError as problem:
        if problem.code != "machine.no-such-program":
            raise


async def load_kvm(machine: Machine, deadline: Deadline) -> None:
    """`modprobe` whichever module fits: udev may not have done it yet. Failing is no news here.

    The facts that are gathered next show what came of it.
    """
    for module in _MODULES:
        try:
            if (await machine.run(("modprobe", "-q", module), deadline=deadline)).ok:
                return
        except MachineError as problem:
            if problem.code != "machine.no-such-program":
                raise


async def _find_qemu(
    machine: Machine, arch: Arch, firmware: tuple[str, ...], deadline: Deadline
) -> str | None:
    """The first firmware that is there; raises HostError `qemu.missing` without QEMU."""
    argv = ("sh", "-c", _LOOK, "sh", arch.program, *firmware)
    done = await machine.run(argv, deadline=deadline)
    if not done.ok:
        raise qemu_missing(machine.path)
    return done.text.strip() or None
