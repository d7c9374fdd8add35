"""Put back what a domain, or a file, was."""

from dataclasses import dataclass

from lxml import etree

from nestlab.domain.domain import read_domain
from nestlab.errors import HostError
from nestlab.events import Progress, Sink, discard
from nestlab.expose.apply import check_unchanged
from nestlab.expose.backup import Backups, Kept
from nestlab.expose.diff import diff
from nestlab.expose.look import Look, define, dump_stored
from nestlab.expose.plan import stored_of
from nestlab.libvirt.virsh import Virsh


@dataclass(frozen=True)
class Undo:
    """What will be put back.

    kept    None: there is nothing to undo
    """

    look: Look
    kept: Kept | None
    diff: tuple[str, ...] = ()


def plan_undo(found: Look, backups: Backups, *, force: bool = False) -> Undo:
    """Decide what is put back.

    Raises HostError: `expose.changed-since` (unless `force`), `expose.transient`; StoredDataError
    `expose.backup-damaged`.
    """
    now = stored_of(found)
    kept = choose(now, found.uuid, found.title, backups, force=force)
    lines = diff(now, kept.backup.before, found.name) if kept else ()
    return Undo(found, kept, lines)


def choose(now: bytes, subject: str, title: str, backups: Backups, *, force: bool) -> Kept | None:
    """The backup to put back; None: there is nothing to undo. Raises as `plan_undo`.

    One whose change did not come to be is passed over and stays: a virsh that outlived the nestlab
    that was killed may still be about to define.
    """
    for kept in backups.to_undo(subject):
        backup = kept.backup
        if backup.state == "started" and now == backup.before:
            continue
        if force or now == backup.after or _is_ours(now, kept):
            return kept
        raise HostError(
            "expose.changed-since",
            f"{title} was changed since nestlab changed it",
            where=title,
            log=str(kept.file),
            hint="look at it; --force puts back what was there before all the same",
        )
    return None


async def put_back(virsh: Virsh, undo: Undo, backups: Backups, *, tell: Sink = discard) -> bool:
    """Do it; says whether libvirt has the very same XML again.

    Raises HostError `expose.changed`, and what `Virsh.said` raises.
    """
    if undo.kept is None:
        return True
    found, before = undo.look, undo.kept.backup.before
    await check_unchanged(virsh, found.uuid, found.name, stored_of(found))
    tell(Progress(found.name, "putting back what was there"))
    await define(virsh, before)
    backups.state(undo.kept, "undone")
    return await dump_stored(virsh, found.uuid) == before


def _is_ours(now: bytes, kept: Kept) -> bool:
    """For a run that was killed before it saw what libvirt made of it: only <cpu> differs."""
    backup = kept.backup
    if backup.after is not None:
        return False
    if now == backup.wanted:
        return True
    return _frame(now) == _frame(backup.wanted) and _mode(now) == _mode(backup.wanted)


def _frame(xml: bytes) -> bytes:
    """The domain without <cpu>, in canonical form."""
    root = read_domain(xml, "backup").root
    for cpu in root.findall("cpu"):
        root.remove(cpu)
    return etree.tostring(root, method="c14n")


def _mode(xml: bytes) -> str | None:
    cpu = read_domain(xml, "backup").root.find("cpu")
    return None if cpu is None else cpu.get("mode")
