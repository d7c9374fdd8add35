"""`nestlab.journal/1`: what `enable` changed and what was there before, for `disable`.

It is kept on the machine that was changed (/var/lib/nestlab/enable.json, root's, 0600), not in the
state folder of who changed it: so it is found from wherever, and by whomever, nesting is switched
off again, and it goes where the disk goes. It is written before the first change and after every
one; a run that was killed is found by its state.
"""

import base64
import binascii
import json
from datetime import datetime
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from nestlab.enable.files import FileState, Paths, RootFiles, checksum
from nestlab.errors import StoredDataError

SCHEMA: Final = "nestlab.journal/1"
MODE = 0o600
INITRAMFS_TOOLS = ("update-initramfs", "dracut", "mkinitcpio")

State = Literal["started", "done", "undoing"]
"""`started`: enable did not end; `undoing`: disable did not end."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SavedFile(_Part):
    """A file's bytes in base64, their SHA-256, its permission bits, owner and group."""

    base64: str
    sha256: str
    mode: int = Field(ge=0, le=0o7777)
    uid: int = Field(ge=0)
    gid: int = Field(ge=0)

    @classmethod
    def of(cls, file: FileState) -> "SavedFile":
        """The record of a file."""
        text = base64.b64encode(file.content).decode()
        sha256 = checksum(file.content)
        return cls(base64=text, sha256=sha256, mode=file.mode, uid=file.uid, gid=file.gid)

    @property
    def content(self) -> bytes:
        """The file's bytes."""
        return base64.b64decode(self.base64, validate=True)

    @property
    def file(self) -> FileState:
        """The file as it was."""
        return FileState(self.content, self.mode, self.uid, self.gid)

    @model_validator(mode="after")
    def _whole(self) -> "SavedFile":
        try:
            right = checksum(self.content) == self.sha256
        except binascii.Error:
            right = False
        if not right:
            raise ValueError("the bytes of the file do not have its checksum")
        return self


class FileChange(_Part):
    """One file: what was there (None: nothing), and what enable put there."""

    path: str
    before: SavedFile | None
    after: SavedFile

    @property
    def contents(self) -> tuple[bytes | None, bytes]:
        """Bytes before and after."""
        return (self.before.content if self.before else None, self.after.content)


class Journal(_Part):
    """What was changed on one machine.

    nestlab         the version that did it
    when            of the last entry, UTC; None until it is written
    file            None when only the module was loaded anew
    module          the KVM module whose `nested` this is about
    nested_before   `1` or `0`; None when the module was not loaded
    reloaded        whether the module runs with the new value
    initramfs       the command that brings the initramfs up to date; empty when there is no need
    initramfs_done  whether it has been run
    """

    schema_: Literal["nestlab.journal/1"] = Field(default=SCHEMA, alias="schema")
    nestlab: str
    when: datetime | None = None
    state: State = "started"
    file: FileChange | None
    module: Literal["kvm_intel", "kvm_amd", "kvm_hv", "kvm"]
    nested_before: Literal["0", "1"] | None
    nested_after: Literal["1"] = "1"
    reloaded: bool = False
    initramfs: tuple[str, ...] = ()
    initramfs_done: bool = False

    @model_validator(mode="after")
    def _known_command(self) -> "Journal":
        if self.initramfs and self.initramfs[0] not in INITRAMFS_TOOLS:
            raise ValueError(f"{self.initramfs[0]!r} does not refresh an initramfs")
        return self

    def stating(self, **changes: object) -> "Journal":
        """The same with some fields changed."""
        return self.model_copy(update=changes)

    def as_bytes(self) -> bytes:
        """The file's content."""
        return (self.model_dump_json(by_alias=True, indent=2) + "\n").encode()


def parse(content: bytes, paths: Paths, where: str) -> Journal:
    """Read a journal that was found on a machine.

    Raises StoredDataError: `enable.journal-too-new`, `enable.journal-damaged`.
    """
    newer = _other_schema(content)
    if newer:
        raise StoredDataError(
            "enable.journal-too-new",
            f"{paths.journal} is {newer}, this nestlab knows {SCHEMA}",
            where=where,
            hint="use the nestlab that wrote it",
        )
    try:
        journal = Journal.model_validate_json(content)
    except ValidationError as problem:
        notes = tuple(str(each["msg"]) for each in problem.errors()[:5])
        raise _damaged(paths, where, notes) from problem
    if journal.file and journal.file.path != paths.options:
        raise _damaged(paths, where, (f"it is about {journal.file.path!r}, not nestlab's file",))
    return journal


def _other_schema(content: bytes) -> str | None:
    """The name of a schema of this family that is not ours."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return None
    name = document.get("schema") if isinstance(document, dict) else None
    known = not isinstance(name, str) or name == SCHEMA or not name.startswith("nestlab.journal/")
    return None if known else str(name)[:40]


def _damaged(paths: Paths, where: str, notes: tuple[str, ...]) -> StoredDataError:
    return StoredDataError(
        "enable.journal-damaged",
        f"{paths.journal} cannot be read",
        where=where,
        hint=f"look at {paths.journal} and {paths.options} there, and remove both by hand",
        notes=notes,
    )


class JournalStore:
    """The journal of one machine; replaces and removes only what it has seen or written itself."""

    def __init__(self, files: RootFiles, paths: Paths, seen: bytes | None) -> None:
        self._files, self._paths, self._seen = files, paths, seen

    async def save(self, journal: Journal) -> None:
        """Write it. Raises as `RootFiles.write`: `changed` when another run is under way."""
        content = journal.as_bytes()
        await self._files.write(self._paths.journal, content, before=self._seen, mode=MODE)
        self._seen = content

    async def remove(self) -> None:
        """Remove it, and its folder if that is empty. Raises as `RootFiles.remove`."""
        if self._seen is not None:
            path, folder = self._paths.journal, self._paths.state
            await self._files.remove(path, before=self._seen, folder=folder)
            self._seen = None
