"""Every guest of a libvirt: which can be a hypervisor now, and which could."""

from dataclasses import dataclass

from nestlab.domain.change import Wish
from nestlab.domain.cpu import Offer
from nestlab.errors import NestlabError
from nestlab.expose.host import Host
from nestlab.expose.look import Look, look
from nestlab.expose.plan import cpu_of, plan_expose
from nestlab.expose.virsh import Virsh


@dataclass(frozen=True)
class Row:
    """One domain.

    cpu      how it gets its CPU, now if it runs, else at its next start
    now      whether its guest gets the extensions as it runs (at its next start, if it is off)
    stored   the same for its next start, where it runs with something else; None: the same
    could    whether `nestlab expose` can give them; None: it has them
    why      why not, or a warning
    """

    name: str
    uuid: str
    state: str
    cpu: str
    now: Offer | None
    stored: Offer | None = None
    could: bool | None = None
    why: str = ""


async def survey(virsh: Virsh, host: Host, wish: Wish) -> tuple[Row, ...]:
    """One row for each domain, by name. Raises what `Virsh.said` raises."""
    listed = (await virsh.said("list", "--all", "--uuid")).decode().split()
    rows = []
    for uuid in listed:
        try:
            rows.append(row_of(await look(virsh, uuid), host, wish))
        except NestlabError as problem:
            if problem.code != "expose.no-such-domain":  # gone since it was listed
                raise
    return tuple(sorted(rows, key=lambda row: row.name))


def row_of(found: Look, host: Host, wish: Wish) -> Row:
    """What is true of one domain; pure."""
    offers: list[Offer] = []
    cpu = "unknown"
    extension = wish.extension or host.extension
    try:
        for xml in (found.live, found.stored):
            if xml is not None:
                each = cpu_of(xml, found.title)
                cpu = str(each) if not offers else cpu
                offers.append(each.offer("svm" if each.emulated else extension))
        if host.nested is False and "kvm" in _kind(found):
            offers = [Offer.NO for _ in offers]
    except NestlabError as problem:
        return Row(found.name, found.uuid, found.state, cpu, None, None, False, problem.message)
    now, stored = offers[0], offers[-1] if offers[-1] is not offers[0] else None
    could, why = _could(found, host, wish)
    if Offer.YES in (now, stored) and host.nested is not False:
        could = None
    return Row(found.name, found.uuid, found.state, cpu, now, stored, could, why)


def _could(found: Look, host: Host, wish: Wish) -> tuple[bool, str]:
    try:
        plan = plan_expose(found, host, wish)
    except NestlabError as problem:
        return False, problem.message
    if host.nested is False and "kvm" in _kind(found):
        return False, "nesting is off on the host: `nestlab enable`"
    if found.managed_save and not plan.nothing_to_do:
        return True, "its memory is saved, with the old CPU"
    return True, ""


def _kind(found: Look) -> str:
    from nestlab.domain.domain import read_domain

    return read_domain(found.stored or found.live or b"", found.title).type
