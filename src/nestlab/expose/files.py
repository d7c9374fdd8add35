"""Domain XML in files: no libvirt is asked."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from nestlab.domain.advice import advice
from nestlab.domain.change import Change, Wish, expose
from nestlab.domain.document import LIMIT
from nestlab.domain.domain import read_domain
from nestlab.errors import NestlabError, StoredDataError, UsageError
from nestlab.expose.backup import Backups
from nestlab.expose.undo import choose
from nestlab.machine.replacement import replacing

STDIN: Final = Path("/dev/stdin")


@dataclass(frozen=True)
class Seen:
    """One file: what it was, and what becomes of it.

    change    None for what is put back
    """

    file: Path
    before: bytes
    after: bytes
    change: Change | None = None
    warnings: tuple[str, ...] = ()


def read(file: Path) -> bytes:
    """The file's content, as much as a domain may have. Raises UsageError `expose.no-such-file`."""
    try:
        with file.open("rb") as opened:
            return opened.read(LIMIT + 1)
    except OSError as problem:
        raise UsageError(
            "expose.no-such-file",
            f"cannot read {file}: {problem.strerror}",
            hint="give files with domain XML, as `virsh dumpxml --inactive DOMAIN` prints it",
        ) from problem


def exposed(file: Path, wish: Wish) -> Seen:
    """What the file shall become. Raises UsageError as `read_domain` and `expose` do."""
    data = read(file)
    change = expose(read_domain(data, str(file)), wish)
    after = data if change.nothing_to_do else change.after.document.as_bytes()
    return Seen(file, data, after, change, advice(change, wish.extension))


def restored(file: Path, backups: Backups, *, force: bool) -> Seen:
    """What the file was before `--in-place`; itself when there is nothing to undo.

    Raises HostError `expose.changed-since`; StoredDataError `expose.backup-damaged`.
    """
    data = read(file)
    kept = choose(data, _subject(file), str(file), backups, force=force)
    return Seen(file, data, kept.backup.before if kept else data)


def write_beside(seen: Seen, folder: Path) -> Path:
    """Write into another folder. Raises StoredDataError `expose.not-written`."""
    target = folder / seen.file.name
    _write(target, seen.after, None)
    return target


def write_in_place(
    seen: Seen, backups: Backups, *, undo: bool = False, force: bool = False
) -> None:
    """Replace the file by what it shall become, with a backup, or by what it was.

    Raises StoredDataError `expose.not-written`, `expose.backup-not-written`.
    """
    if seen.before == seen.after:
        return
    target = seen.file.resolve()
    if undo:
        kept = choose(seen.before, _subject(seen.file), str(seen.file), backups, force=force)
        _write(target, seen.after, target)
        if kept:
            backups.state(kept, "undone")
        return
    kept = backups.keep("file", _subject(seen.file), seen.file.name, seen.before, seen.after)
    try:
        _write(target, seen.after, target)
    except NestlabError:
        backups.forget(kept)
        raise


def _subject(file: Path) -> str:
    return str(file.resolve())


def _write(target: Path, data: bytes, like: Path | None) -> None:
    """Whole or not at all; with the bits of the file that it replaces."""
    try:
        mode = like.stat().st_mode & 0o777 if like else 0o600
        with replacing(target) as temporary:
            temporary.write_bytes(data)
            if mode != 0o600:
                temporary.chmod(mode)
    except OSError as problem:
        raise StoredDataError(
            "expose.not-written",
            f"cannot write {target}: {problem.strerror}",
            hint="choose a folder that exists, may be written and has room",
        ) from problem
