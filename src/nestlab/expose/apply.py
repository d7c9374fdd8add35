"""Carry a plan out: back up, define, and see what libvirt made of it."""

from dataclasses import dataclass
from pathlib import Path

from nestlab.domain.cpu import Cpu, Offer
from nestlab.errors import HostError, NestlabError
from nestlab.events import Progress, Sink, discard
from nestlab.expose.backup import Backups
from nestlab.expose.look import define, dump_stored
from nestlab.expose.plan import Plan, cpu_of
from nestlab.libvirt.virsh import Virsh


@dataclass(frozen=True)
class Defined:
    """What libvirt has now; `backup` is the file with what it had before."""

    cpu: Cpu
    backup: Path


async def redefine(
    virsh: Virsh, plan: Plan, backups: Backups, *, target: str = "", tell: Sink = discard
) -> Defined:
    """Do what a plan with a change says.

    Raises HostError: `expose.changed` (somebody changed the domain since it was looked at),
    `expose.no-effect`; StoredDataError `expose.backup-not-written`; and what `Virsh.said` raises.
    """
    found, wanted = plan.look, plan.after
    if found.stored is None or wanted is None:
        raise ValueError("there is nothing to define")
    await check_unchanged(virsh, found.uuid, found.name, found.stored)
    kept = backups.keep(
        "domain", found.uuid, found.name, found.stored, wanted, target=target, connect=virsh.uri
    )
    tell(Progress(found.name, f"defining it anew; as it was: {kept.file}"))
    try:
        await define(virsh, wanted)
    except NestlabError:
        if await dump_stored(virsh, found.uuid) == found.stored:
            backups.forget(kept)
        raise
    after = await dump_stored(virsh, found.uuid)
    backups.state(kept, "done", after)
    cpu = cpu_of(after, found.title)
    if cpu.offer(plan.extension) is not Offer.YES:
        raise HostError(
            "expose.no-effect",
            f"libvirt took the new definition and made this of it: {cpu}",
            where=found.title,
            hint=f"`nestlab expose --undo {found.name}` puts back what was there",
            log=str(kept.file),
        )
    return Defined(cpu, kept.file)


async def check_unchanged(virsh: Virsh, uuid: str, name: str, seen: bytes) -> None:
    """Raise HostError `expose.changed` when the stored XML is not what was seen."""
    if await dump_stored(virsh, uuid) != seen:
        raise HostError(
            "expose.changed",
            f"{name} was changed by somebody else in the meantime",
            where=f"domain {name}",
            hint="look at it, then run it again",
        )
