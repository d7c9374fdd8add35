"""Decide what is done to one domain. Pure: what libvirt says in, a plan out."""

from dataclasses import dataclass

from nestlab.domain.advice import advice
from nestlab.domain.change import Change, Wish, expose, target_of
from nestlab.domain.cpu import Cpu, Extension, read_cpu
from nestlab.domain.domain import read_domain
from nestlab.errors import HostError
from nestlab.expose.diff import diff
from nestlab.expose.host import Host
from nestlab.expose.look import Look


@dataclass(frozen=True)
class Plan:
    """What will be defined.

    after      the new XML; None: nothing is changed
    cpu_before, cpu_after   how the guest gets its CPU at its next start
    extension  that its guest shall see; None: whichever the host has
    """

    look: Look
    cpu_before: Cpu
    cpu_after: Cpu
    extension: Extension | None
    after: bytes | None = None
    diff: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def nothing_to_do(self) -> bool:
        """Whether the domain is as it is asked to be."""
        return self.after is None


def plan_expose(found: Look, host: Host, wish: Wish, *, restart: bool = False) -> Plan:
    """What gives the guest the extensions.

    Raises HostError: `expose.transient`, `expose.managed-save` (with `restart`),
    `expose.libvirt-too-old`, `expose.mode-not-supported`; UsageError as `domain.change.expose`.
    """
    stored = stored_of(found)
    domain = read_domain(stored, found.title)
    extension: Extension | None = "svm" if domain.emulated else wish.extension or host.extension
    wish = Wish(wish.mode, wish.extension if domain.emulated else extension)
    change = expose(domain, wish)
    warnings = advice(change, extension)
    if change.nothing_to_do:
        return Plan(found, change.cpu_before, change.cpu_after, extension)
    if not change.cpu_before.override:
        host.require_mode(target_of(domain, wish).mode, domain.type, found.title)
    refuse_saved(found, restart=restart)
    after = change.after.document.as_bytes()
    return Plan(
        found,
        change.cpu_before,
        change.cpu_after,
        extension,
        after=after,
        diff=diff(stored, after, found.name),
        warnings=(*_host(change, host), *_saved(found), *warnings),
    )


def stored_of(found: Look) -> bytes:
    """The stored XML. Raises HostError `expose.transient` where there is none."""
    if found.stored is not None:
        return found.stored
    raise HostError(
        "expose.transient",
        f"{found.name} is transient: libvirt has no stored definition that could be changed",
        where=found.title,
        hint="change the XML that it is made from (`nestlab expose --xml FILE`), or store it "
        f"first: `virsh dumpxml {found.name} > FILE && virsh define FILE`",
    )


def refuse_saved(found: Look, *, restart: bool) -> None:
    """Raise HostError `expose.managed-save`: a start would bring the old CPU back."""
    if found.managed_save and restart:
        raise HostError(
            "expose.managed-save",
            f"the memory of {found.name} is saved, and its next start restores it with the old CPU",
            where=found.title,
            hint=f"`virsh start {found.name}` and shut it down from inside; or give the saved "
            f"memory up: `virsh managedsave-remove {found.name}`",
        )


def _saved(found: Look) -> tuple[str, ...]:
    if not found.managed_save:
        return ()
    told = (
        "its memory is saved (virsh dominfo: Managed save: yes): the next start restores that, "
        "with the old CPU, and only the one after it has the new one; "
        f"`virsh managedsave-remove {found.name}` gives the saved memory up"
    )
    return (told,)


def _host(change: Change, host: Host) -> tuple[str, ...]:
    if change.after.emulated:
        return ()
    if host.nested is False:
        return ("nesting is off on the host, so the guest will see nothing: `nestlab enable`",)
    if host.extension is None:
        return ("the host shows neither svm nor vmx: see `nestlab doctor`",)
    return ()


def cpu_of(xml: bytes, name: str) -> Cpu:
    """How a domain gets its CPU. Raises UsageError as `read_cpu` does."""
    return read_cpu(read_domain(xml, name))
