"""Decide what switches nesting on. Pure: facts and what is there in, a plan out."""

import shlex

from nestlab import __version__
from nestlab.enable.elevation import Elevation
from nestlab.enable.files import FileState
from nestlab.enable.journal import FileChange, Journal, SavedFile
from nestlab.enable.present import Present
from nestlab.enable.settings import (
    Setting,
    blocks,
    lines_of,
    on_by_default,
    settings,
)
from nestlab.enable.steps import (
    Plan,
    RefreshInitramfs,
    Reload,
    Step,
    WriteFile,
    hidden_holders,
)
from nestlab.enable.target import (
    Target,
    check_arm,
    find_target,
    is_arm,
    refuse_builtin,
    refuse_huge_pages,
)
from nestlab.errors import HostError
from nestlab.facts.model import Facts

MODE = 0o644
NEXT_BOOT = "takes effect at the next boot (or when these have ended: run it again)"
_COMMENT = "# Written by nestlab. `nestlab disable` puts back what was here before.\n"


def plan_enable(
    facts: Facts, present: Present, *, elevate: Elevation, at_boot: bool = False
) -> Plan:
    """What switches nesting on, now (unless `at_boot`) and for every boot.

    Raises HostError: `enable.no-kvm`, `enable.built-in`, `enable.unknown`, `enable.huge-pages`,
    `enable.container`, `enable.changed` (somebody changed nestlab's file since it was written).
    """
    if is_arm(facts):
        check_arm(facts)
        return Plan("enable", elevate=elevate, paths=present.paths)
    target = find_target(facts)
    if target.state == "builtin":
        if not target.now:
            refuse_builtin(target, facts)
        return Plan("enable", elevate=elevate, paths=present.paths)
    if facts.outer and facts.outer.container and not target.now:
        message = f"this is a {facts.outer.container} container; its host loads {target.module}"
        raise HostError("enable.container", message, hint="run `nestlab enable` on the host")
    if not (target.now and _on_at_boot(target, facts, present)):
        refuse_huge_pages(target, facts)
    return _plan(target, facts, present, elevate, at_boot)


def wanted(module: str, before: bytes | None) -> bytes:
    """The file's content: what was there stays, and nestlab's line has the last word."""
    ours = f"{_COMMENT}options {module} nested=1\n".encode()
    if not before:
        return ours
    # The empty line ends a last line that a backslash continues.
    return before + (b"\n" if before.endswith(b"\n") else b"\n\n") + ours


def _plan(
    target: Target, facts: Facts, present: Present, elevate: Elevation, at_boot: bool
) -> Plan:
    finished = present.journal is None or present.journal.state == "done"
    persistent = _on_at_boot(target, facts, present)
    record = Plan(
        "enable",
        seen=present.journal_text,
        warnings=_warnings(target, facts, present),
        elevate=elevate,
        paths=present.paths,
    )
    if target.now and persistent and finished:
        return record
    file, write = _file(target.module, present)
    held = facts.holders or ()
    module = (facts.modules or {})[target.module]
    in_use = target.state == "loaded" and bool(module.users or module.used_by or held)
    reload = () if target.now or at_boot or in_use else (_reload(target),)
    refresh, doubt = _initramfs(facts, present, bool(write))
    steps: tuple[Step, ...] = (*write, *reload, *refresh)
    waits = not target.now and not reload
    left = waits and in_use
    unseen = hidden_holders(target.module, held) if left else ()
    return Plan(
        "enable",
        steps=steps,
        journal=_journal(target, present.journal, file, refresh) if steps or not finished else None,
        seen=record.seen,
        next_boot=waits,
        in_use=left,
        held_by=held if left else (),
        warnings=(*record.warnings, *doubt, *unseen),
        elevate=elevate,
        paths=present.paths,
    )


def _file(module: str, present: Present) -> tuple[FileChange | None, tuple[WriteFile, ...]]:
    """The journal's record of nestlab's file, and the step that writes it, if it is needed."""
    path, there = present.paths.options, present.options
    now = there.content if there else None
    known = present.journal.file if present.journal else None
    if known and now not in known.contents:
        raise HostError(
            "enable.changed",
            f"{path} was changed since nestlab wrote it",
            hint="`nestlab disable --force` puts back what was there before; then run "
            "`nestlab enable` again",
        )
    before = known.before.file if known and known.before else None if known else there
    content = wanted(module, before.content if before else None)
    if now == content:
        return known, ()
    own_line = f"options {module} nested=1"
    if not known and any(line.text == own_line for line in lines_of(path, now)[-1:]):
        return None, ()  # somebody else put the same there: theirs to remove
    saved = SavedFile.of(before) if before else None
    change = FileChange(path=path, before=saved, after=SavedFile.of(FileState(content, MODE, 0, 0)))
    return change, (WriteFile(path, content, MODE, there),)


def _reload(target: Target) -> Reload:
    return Reload(target.module, "1", None if target.now is None else "0")


def _journal(
    target: Target,
    old: Journal | None,
    file: FileChange | None,
    refresh: tuple[RefreshInitramfs, ...],
) -> Journal:
    """What is written down first; an earlier record of what was there before is kept."""
    same = old if old and old.module == target.module else None
    now = None if target.now is None else "1" if target.now else "0"
    return Journal.model_validate(
        {
            "schema": "nestlab.journal/1",
            "nestlab": __version__,
            "file": file,
            "module": target.module,
            "nested_before": same.nested_before if same else now,
            "reloaded": bool(same and same.reloaded and target.now),
            "initramfs": refresh[0].argv if refresh else old.initramfs if old else (),
            "initramfs_done": bool(old and old.initramfs_done and not refresh),
        }
    )


def _initramfs(
    facts: Facts, present: Present, writing: bool
) -> tuple[tuple[RefreshInitramfs, ...], tuple[str, ...]]:
    """The step that refreshes the initramfs, or a warning when it may be needed."""
    journal, found = present.journal, facts.initramfs
    if journal and journal.initramfs and not journal.initramfs_done:
        return (RefreshInitramfs(journal.initramfs),), ()
    if not writing or found is None or found.image is None:
        return (), ()
    inside = found.has_kvm if found.has_kvm is not None else present.in_initramfs
    if inside is False:
        return (), ()
    argv = _refresh_argv(found.tool, found.image, facts.kernel)
    if argv is None:
        return (), (f"if {found.image} has KVM's module, make it anew before the next boot",)
    if inside is None:
        return (), (f"if {found.image} has KVM's module, run `{shlex.join(argv)}`",)
    return (RefreshInitramfs(argv),), ()


def _refresh_argv(tool: str | None, image: str, kernel: str | None) -> tuple[str, ...] | None:
    """For the running kernel's image; mkinitcpio(8) goes by presets, not by kernels."""
    if tool == "update-initramfs":
        return (tool, "-u", *(("-k", kernel) if kernel else ()))
    if tool == "dracut":
        return (tool, "--force", image, *((kernel,) if kernel else ()))
    return (tool, "-P") if tool == "mkinitcpio" else None


def _settings(
    target: Target, facts: Facts, present: Present
) -> tuple[tuple[Setting, ...], tuple[Setting, ...]]:
    path = present.paths.options
    own = lines_of(path, present.options.content if present.options else None)
    return settings(target.module, facts.modprobe or (), own, facts.cmdline or ())


def _on_at_boot(target: Target, facts: Facts, present: Present) -> bool:
    before, after = _settings(target, facts, present)
    said = (*before, *after)
    return said[-1].on if said else on_by_default(target.module, facts.kernel)


def _warnings(target: Target, facts: Facts, present: Present) -> tuple[str, ...]:
    """What contradicts, with its place; it is never edited."""
    before, after = _settings(target, facts, present)
    own = f"{present.paths.options}:"
    found = [
        f"{each.place} says `{each.text}`; {present.paths.options} comes later and wins"
        for each in before
        if not each.on and not each.place.startswith(own)
    ]
    if after and not after[-1].on:
        each = after[-1]
        found.append(
            f"{each.place} says `{each.text}` and has the last word: nesting will be off after "
            "the next boot unless you remove that"
        )
    found += [
        f"{line.file}:{line.line} says `{line.text}`, so {target.module} is not loaded by itself"
        for line in facts.modprobe or ()
        if blocks(target.module, line)
    ]
    if facts.modprobe is None:
        found.append("modprobe's other files could not be read; one of them may contradict")
    if facts.cmdline is None:
        found.append("the kernel command line could not be read; it may contradict")
    return tuple(found)
