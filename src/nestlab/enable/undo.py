"""Decide what puts back what `enable` changed. Pure: the journal decides."""

from nestlab.enable.elevation import Elevation
from nestlab.enable.files import FileState
from nestlab.enable.journal import Journal
from nestlab.enable.present import Present
from nestlab.enable.settings import is_on
from nestlab.enable.steps import (
    Plan,
    RefreshInitramfs,
    Reload,
    RemoveFile,
    Step,
    WriteFile,
    hidden_holders,
)
from nestlab.errors import HostError
from nestlab.facts.model import Facts


def plan_disable(
    facts: Facts,
    present: Present,
    *,
    elevate: Elevation,
    at_boot: bool = False,
    force: bool = False,
) -> Plan:
    """What restores the machine byte for byte; without a journal there is nothing to undo.

    A file that somebody changed since is left alone unless `force`. Facts that are missing leave
    the module to the next boot; the files are restored all the same.
    Raises HostError `disable.changed`.
    """
    journal = present.journal
    if journal is None:
        return Plan("disable", elevate=elevate, paths=present.paths)
    files = _files(journal, present, force)
    refresh = journal.initramfs and (files or journal.initramfs_done or journal.state == "undoing")
    module = (facts.modules or {}).get(journal.module)
    state = module.state if module else None
    value = (facts.nested or {}).get(journal.module)
    now = None if value is None else "1" if is_on(value) else "0"
    # Not loaded, though it was before: a run was killed between unloading and loading.
    off = state == "available"
    unknown = now is None and not off
    differs = not unknown and journal.nested_before != now
    known = differs and journal.nested_before is not None
    in_use = bool(module and (module.users or module.used_by or facts.holders))
    reload: tuple[Step, ...] = ()
    if known and not in_use and not at_boot:
        reload = (Reload(journal.module, journal.nested_before or "0", now),)
    waits = unknown or (differs and not reload)
    held_by = (facts.holders or ()) if waits and in_use else ()
    return Plan(
        "disable",
        steps=(*files, *reload, *((RefreshInitramfs(journal.initramfs),) if refresh else ())),
        journal=journal.stating(state="undoing"),
        seen=present.journal_text,
        next_boot=waits,
        in_use=waits and in_use,
        held_by=held_by,
        warnings=hidden_holders(journal.module, held_by) if waits and in_use else (),
        elevate=elevate,
        paths=present.paths,
    )


def _files(journal: Journal, present: Present, force: bool) -> tuple[Step, ...]:
    change = journal.file
    if change is None:
        return ()
    there, before = present.options, change.before.file if change.before else None
    now = there.content if there else None
    if now not in change.contents and not force:
        raise HostError(
            "disable.changed",
            f"{change.path} was changed since nestlab wrote it",
            hint="look at it; `nestlab disable --force` puts back what was there before nestlab",
        )
    return restoring(change.path, there, before)


def restoring(path: str, there: FileState | None, before: FileState | None) -> tuple[Step, ...]:
    """The step that makes the file what it was: bytes, mode and owner."""
    if there == before:
        return ()
    if before is None:
        return (RemoveFile(path, there),) if there else ()
    return (WriteFile(path, before.content, before.mode, there, (before.uid, before.gid)),)
