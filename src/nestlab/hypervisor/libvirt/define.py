"""A domain comes to be, and nobody else's is touched."""

from nestlab.domain.document import parse_document
from nestlab.errors import MachineError, UsageError
from nestlab.hypervisor.carriers import CARRIERS
from nestlab.hypervisor.libvirt.domain import domain_xml
from nestlab.hypervisor.libvirt.names import NAMESPACE
from nestlab.hypervisor.plan import GuestPlan
from nestlab.hypervisor.qemu.files import Files
from nestlab.libvirt.virsh import SYSTEM, Virsh
from nestlab.machine.shell import check

# QEMU in its own namespace does not see block devices of the machine that are no disks of its
# domain (libvirt docs/drvqemu, "namespaces"), and maps its initrd, which only a file allows.
_COPY = 'umask 077; cat -- "$1" >"$2" && cat -- "$3" >"$4"'

_FIND = CARRIERS + 'carriers "$1" | head -n 1'


async def create(virsh: Virsh, plan: GuestPlan, *, firmware: str | None) -> int:
    """Start the domain of a plan, paused; the process id of its QEMU.

    Raises HostError and MachineError `libvirt.*`; UsageError `libvirt.*`.
    """
    owner = "+0:+0" if virsh.uri == SYSTEM else None
    xml = domain_xml(plan, firmware=firmware, owner=owner)
    await _copy_kernel(virsh, plan)
    words = ("create", "/dev/stdin", "--paused")
    done = await virsh.run(*words, stdin=xml)
    if not done.ok and await _was_left(virsh, plan):
        await virsh.said("destroy", plan.identity)
        done = await virsh.run(*words, stdin=xml)
    if not done.ok:
        raise await virsh.failed(done)
    return await _pid(virsh, plan)


async def _copy_kernel(virsh: Virsh, plan: GuestPlan) -> None:
    image, files = plan.image, Files(plan)
    if image.kernel is None or image.initrd is None:
        return
    argv = ("sh", "-c", _COPY, "sh", image.kernel, files.kernel, image.initrd, files.initrd)
    await check(virsh.machine, argv, deadline=virsh.deadline, code="guest.disk-failed")


async def _was_left(virsh: Virsh, plan: GuestPlan) -> bool:
    """Whether a domain of this name is there: of this lab, or else it is refused.

    Raises MachineError `libvirt.domain-exists`.
    """
    done = await virsh.run("dumpxml", plan.identity)
    if not done.ok:
        return False
    if is_of(plan.lab, done.stdout):
        return True
    raise MachineError(
        "libvirt.domain-exists",
        f"libvirt has a domain {plan.identity} that this lab did not make",
        where=f"{virsh.machine.path}, while starting {plan.path}",
        hint=f"look at it: `virsh -c {virsh.uri} dumpxml {plan.identity}`",
    )


def is_of(lab: str, xml: bytes) -> bool:
    """Whether a domain's metadata says that a lab made it (pure)."""
    try:
        found = parse_document(xml, "a domain").root.find(f"metadata/{{{NAMESPACE}}}lab")
    except UsageError:
        return False
    return found is not None and found.get("id") == lab


async def _pid(virsh: Virsh, plan: GuestPlan) -> int:
    argv = ("sh", "-c", _FIND, "sh", plan.identity)
    told = (await virsh.machine.run(argv, deadline=virsh.deadline)).text.strip()
    if not (told.isascii() and told.isdecimal()):
        raise MachineError(
            "guest.launch-failed",
            f"libvirt started {plan.path}, but no QEMU of it is there: {told[:40]!r}",
            where=f"{virsh.machine.path}, while starting {plan.path}",
            hint="its log on that machine is in /var/log/libvirt/qemu",
        )
    return int(told)
