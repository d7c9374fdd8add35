"""`nestlab expose --xml`: domain XML in files."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from nestlab.cli.failure import show_error
from nestlab.errors import NestlabError, UsageError
from nestlab.harmless import plain
from nestlab.home import Home

if TYPE_CHECKING:
    from nestlab.domain.change import Wish
    from nestlab.expose.backup import Backups
    from nestlab.expose.files import Seen


@dataclass(frozen=True)
class Given:
    """What the command line says."""

    names: list[str]
    output_dir: Path | None
    in_place: bool
    undo: bool
    force: bool
    dry_run: bool
    as_json: bool


def run(given: Given, wish: "Wish") -> int:
    """Do it for every file, also when some cannot be used; the status is that of the first error.

    Raises UsageError `expose.options`, `expose.output`; HostError `home.not-writable`.
    """
    from nestlab.expose.backup import Backups

    files = _files(given)
    backups = Backups(Home.from_environment().exposed)
    reports: list[dict[str, object]] = []
    warned: dict[str, list[Path]] = {}
    status = 0
    for file in files:
        try:
            seen = _one(file, given, wish, backups)
            reports.append(_report(seen, given))
            for warning in seen.warnings:
                warned.setdefault(warning, []).append(file)
        except NestlabError as problem:
            show_error(problem)
            status = status or problem.exit_status
            reports.append({"file": str(file), "error": problem.code, "message": problem.message})
    for warning, which in warned.items():
        more = f" and {len(which) - 1} more" if len(which) > 1 else ""
        typer.echo(plain(f"{which[0]}{more}: warning: {warning}"), err=True)
    if given.as_json:
        document = {"schema": "nestlab.expose-files/1", "files": reports}
        typer.echo(json.dumps(document, indent=1))
    return status


def _one(file: Path, given: Given, wish: "Wish", backups: "Backups") -> "Seen":
    from nestlab.expose import files

    if given.undo:
        seen = files.restored(file, backups, force=given.force)
    else:
        seen = files.exposed(file, wish)
    if given.dry_run:
        if not given.as_json:
            for line in _diff(seen):
                typer.echo(line)
    elif given.output_dir is not None:
        files.write_beside(seen, given.output_dir)
    elif given.in_place:
        files.write_in_place(seen, backups, undo=given.undo, force=given.force)
    elif not given.as_json:
        sys.stdout.buffer.write(seen.after)
        sys.stdout.buffer.flush()
    return seen


def _report(seen: "Seen", given: Given) -> dict[str, object]:
    report: dict[str, object] = {"file": str(seen.file), "changed": seen.before != seen.after}
    if seen.change:
        report["cpu_before"] = str(seen.change.cpu_before)
        report["cpu_after"] = str(seen.change.cpu_after)
        report["warnings"] = list(seen.warnings)
    if given.as_json:
        report["diff"] = list(_diff(seen))
        if given.output_dir is None and not given.in_place:
            report["xml"] = seen.after.decode("utf-8", "backslashreplace")
    return report


def _diff(seen: "Seen") -> tuple[str, ...]:
    from nestlab.expose.diff import diff

    return diff(seen.before, seen.after, str(seen.file))


def _files(given: Given) -> list[Path]:
    """Raise UsageError `expose.options`, `expose.output` before anything is written."""
    names, folder = given.names, given.output_dir
    if not names:
        raise UsageError("expose.options", "no file is given", hint="nestlab expose --xml FILE")
    if folder is not None and given.in_place:
        raise UsageError(
            "expose.options", "--output-dir and --in-place exclude each other", hint="choose one"
        )
    to_stdout = folder is None and not given.in_place and not given.dry_run and not given.as_json
    if to_stdout and len(names) > 1:
        raise UsageError(
            "expose.options",
            f"{len(names)} files do not go to one standard output",
            hint="--output-dir DIR writes new files; --in-place changes them, with a backup",
        )
    files = [Path("/dev/stdin") if name == "-" else Path(name) for name in names]
    if "-" in names and (folder is not None or given.in_place or given.undo):
        raise UsageError("expose.options", "- has no name to write to", hint="give a file")
    if folder is not None:
        _check_folder(files, folder)
    return files


def _check_folder(files: list[Path], folder: Path) -> None:
    if not folder.is_dir():
        raise UsageError(
            "expose.output", f"{folder} is not a folder", hint=f"`mkdir {folder}` makes it"
        )
    seen: set[str] = set()
    for file in files:
        if file.name in seen:
            raise UsageError(
                "expose.output",
                f"two files are called {file.name}, and one would take the other's place",
                hint="write them into different folders",
            )
        seen.add(file.name)
    there = folder.resolve()
    if any(parent.resolve() == there for parent in {file.parent for file in files}):
        raise UsageError(
            "expose.output",
            f"{folder} is where the files are",
            hint="choose another folder, or --in-place, which keeps what they were",
        )
