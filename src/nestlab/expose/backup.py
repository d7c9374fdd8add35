"""`nestlab.expose-backup/1`: what a domain, or a file, was before, kept for `--undo`.

One file for each domain and time (0600: definitions hold passwords), in the state folder of who
changed it. It is on the disk before libvirt is told anything, so whatever kills this program
afterwards loses nothing.
"""

import base64
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationError

from nestlab.errors import StoredDataError
from nestlab.home import make_folder
from nestlab.machine.replacement import replacing, sync

SCHEMA: Final = "nestlab.expose-backup/1"
Kind = Literal["domain", "file"]
State = Literal["started", "done", "undone"]
"""`started`: the program ended before it knew what came of it."""


def _from_base64(value: object) -> object:
    return base64.b64decode(value, validate=True) if isinstance(value, str) else value


Bytes = Annotated[
    bytes,
    BeforeValidator(_from_base64),
    PlainSerializer(lambda data: base64.b64encode(data).decode(), when_used="json"),
]


class Backup(BaseModel):
    """One change.

    subject  UUID of a domain, or the path of a file
    name     for people
    target, connect   where the domain is: as `--on` and `--connect` were given; empty for files
    before   the XML as it was
    wanted   the XML that was handed to libvirt, or written
    after    the XML as libvirt then had it; None: it is not known whether it got that far
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_: Literal["nestlab.expose-backup/1"] = Field(default=SCHEMA, alias="schema")
    kind: Kind
    subject: str
    name: str
    target: str = ""
    connect: str = ""
    when: datetime
    state: State = "started"
    before: Bytes
    wanted: Bytes
    after: Bytes | None = None


@dataclass(frozen=True)
class Kept:
    """A backup and its file."""

    file: Path
    backup: Backup


@dataclass(frozen=True)
class Backups:
    """All of them, in one folder."""

    folder: Path

    def keep(
        self,
        kind: Kind,
        subject: str,
        name: str,
        before: bytes,
        wanted: bytes,
        *,
        target: str = "",
        connect: str = "",
    ) -> Kept:
        """Write one down, before the change.

        Raises HostError `home.not-writable`, StoredDataError `expose.backup-not-written`.
        """
        make_folder(self.folder)
        now = datetime.now(UTC)
        backup = Backup(
            kind=kind,
            subject=subject,
            name=name,
            target=target,
            connect=connect,
            when=now,
            before=before,
            wanted=wanted,
        )
        file = self.folder / f"{_key(subject)}-{now:%Y%m%dT%H%M%S.%f}Z.json"
        kept = Kept(file, backup)
        self._write(kept)
        return kept

    def state(self, kept: Kept, state: State, after: bytes | None = None) -> Kept:
        """Say how far it is. Raises StoredDataError `expose.backup-not-written`."""
        known = after if after is not None else kept.backup.after
        new = Kept(kept.file, kept.backup.model_copy(update={"state": state, "after": known}))
        self._write(new)
        return new

    def forget(self, kept: Kept) -> None:
        """Remove one whose change was never made."""
        kept.file.unlink(missing_ok=True)

    def to_undo(self, subject: str) -> Iterator[Kept]:
        """What was done to this subject and not undone, the latest first.

        Raises StoredDataError `expose.backup-damaged`.
        """
        for file in sorted(self.folder.glob(f"{_key(subject)}-*.json"), reverse=True):
            kept = Kept(file, _load(file))
            if kept.backup.subject == subject and kept.backup.state != "undone":
                yield kept

    def _write(self, kept: Kept) -> None:
        # a disk takes milliseconds for each, which a thousand files would feel
        domain = kept.backup.kind == "domain"
        text = kept.backup.model_dump_json(by_alias=True, indent=1) + "\n"
        try:
            with replacing(kept.file) as temporary, temporary.open("w") as stream:
                stream.write(text)
                stream.flush()
                if domain:
                    os.fsync(stream.fileno())
            if domain:
                sync(self.folder)
        except OSError as problem:
            raise StoredDataError(
                "expose.backup-not-written",
                f"cannot write {kept.file}: {problem.strerror}",
                where=kept.backup.name,
                hint="make room there, or set NESTLAB_HOME; without a backup nothing is changed",
            ) from problem


def _key(subject: str) -> str:
    """A word for file names: a UUID as it is, a path as a checksum."""
    if len(subject) == 36 and all(c in "0123456789abcdef-" for c in subject):
        return subject
    return hashlib.sha256(subject.encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _load(file: Path) -> Backup:
    try:
        return Backup.model_validate_json(file.read_bytes())
    except (OSError, ValidationError) as problem:
        raise StoredDataError(
            "expose.backup-damaged",
            f"{file} cannot be read",
            log=str(file),
            hint="look at it: `before` is the XML as it was, in base64; or move it away",
            notes=(str(problem).split("\n")[0],),
        ) from problem
