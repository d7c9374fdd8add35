"""Every guest of a libvirt: which can be a hypervisor now, and which could."""

from dataclasses import dataclass

from nestlab.domain.change import Wish
from nestlab.domain.cpu import Cpu, Offer, read_cpu
from nestlab.domain.domain import read_domain
from nestlab.errors import NestlabError
from nestlab.expose.host import Host, ask_host
from nestlab.expose.look import Look, look
from nestlab.expose.plan import plan_expose
from nestlab.libvirt.virsh import Virsh

_OFF = "nesting is off on the host: `nestlab enable`"


@dataclass(frozen=True)
class Row:
    """One domain.

    cpu    how it gets its CPU: as it runs, else at its next start; None: its XML cannot be used
    now    whether its guest has the extensions as it runs; None: it does not run, or as for `cpu`
    next   whether it will have them at its next start; None: it has none, or as for `cpu`
    could  whether `nestlab expose` can give them to it
    why    why not, or what stands before it
    """

    name: str
    uuid: str
    state: str
    cpu: str | None
    now: Offer | None
    next: Offer | None
    could: bool
    why: str = ""


async def survey(virsh: Virsh, wish: Wish) -> tuple[Row, ...]:
    """One row for each domain, by name. Raises what `Virsh.said` raises."""
    listed = (await virsh.said("list", "--all", "--uuid")).decode().split()
    found = []
    for uuid in listed:
        try:
            found.append(await look(virsh, uuid))
        except NestlabError as problem:
            if problem.code != "libvirt.no-such-domain":  # gone since it was listed
                raise
    host = await ask_host(virsh, {kind for each in found if (kind := each.kind) is not None})
    return tuple(row_of(each, host, wish) for each in sorted(found, key=lambda each: each.name))


def row_of(found: Look, host: Host, wish: Wish) -> Row:
    """What is true of one domain. Pure."""
    try:
        live, stored = _read(found.live, found), _read(found.stored, found)
    except NestlabError as problem:
        return Row(found.name, found.uuid, found.state, None, None, None, False, problem.message)
    now, later = _offer(live, host, wish), _offer(stored, host, wish)
    could, why = _could(found, host, wish)
    return Row(found.name, found.uuid, found.state, str(live or stored), now, later, could, why)


def _read(xml: bytes | None, found: Look) -> Cpu | None:
    return None if xml is None else read_cpu(read_domain(xml, found.title))


def _offer(cpu: Cpu | None, host: Host, wish: Wish) -> Offer | None:
    if cpu is None:
        return None
    if host.nested is False and not cpu.emulated:
        return Offer.NO
    return cpu.offer("svm" if cpu.emulated else wish.extension or host.extension)


def _could(found: Look, host: Host, wish: Wish) -> tuple[bool, str]:
    try:
        plan = plan_expose(found, host, wish)
    except NestlabError as problem:
        return False, problem.message
    if host.nested is False and not plan.cpu_after.emulated:
        return False, _OFF
    if found.managed_save and not plan.nothing_to_do:
        return True, "its memory is saved, with the old CPU"
    return True, ""
