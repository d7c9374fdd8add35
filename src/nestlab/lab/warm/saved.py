"""What was saved of labs: one file per snapshot here, memory and disks on the lab's host."""

import posixpath
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nestlab.errors import StoredDataError, UsageError
from nestlab.home import Home, make_folder
from nestlab.lab.record.known import labs
from nestlab.lab.record.state import LabState
from nestlab.lab.wanted.spec import GuestSpec, NetworkSpec
from nestlab.spec.values import LAB_NAME


class SavedGuest(BaseModel):
    """A saved guest; `folder` is on the host: see hypervisor/qemu/manifest.py."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    folder: str
    spec: GuestSpec
    handed: tuple[str, ...]


class Snapshot(BaseModel):
    """`nestlab.warm-lab/1`: the guests of L0 that were saved together.

    host      the machine that has them, as `ssh` takes it; None: this one
    images    name -> folder in the image store
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_: Literal["nestlab.warm-lab/1"] = Field(default="nestlab.warm-lab/1", alias="schema")
    name: str
    lab: str
    created: datetime
    host: str | None
    folder: str
    images: dict[str, str]
    networks: tuple[NetworkSpec, ...]
    guests: tuple[SavedGuest, ...]


def must_be_a_name(name: str) -> None:
    """Raises UsageError `snapshot.name`."""
    if not re.fullmatch(LAB_NAME, name):
        raise UsageError(
            "snapshot.name",
            f"{name!r} cannot be the name of a snapshot",
            hint="at most 32 small letters, digits and hyphens, a letter first",
        )


def folder_on_host(state: LabState, name: str) -> str:
    """Beside the labs, on the same disk: a resumed guest's disk lies on the saved one."""
    return posixpath.join(posixpath.dirname(posixpath.dirname(state.place)), "snapshots", name)


def write_snapshot(home: Home, snapshot: Snapshot) -> None:
    """It has its name from now on. Raises HostError `home.not-writable`, OSError."""
    file = _file(home, snapshot.name)
    make_folder(file.parent)
    temporary = file.with_name(f".{file.name}.new")
    temporary.touch(mode=0o600)
    temporary.write_text(snapshot.model_dump_json(by_alias=True, indent=1))
    temporary.rename(file)


def find_snapshot(home: Home, name: str) -> Snapshot:
    """Raises UsageError `snapshot.unknown`, StoredDataError `snapshot.damaged`."""
    must_be_a_name(name)
    try:
        text = _file(home, name).read_bytes()
    except FileNotFoundError:
        known = ", ".join(each.name for each in snapshots(home)) or "none"
        raise UsageError(
            "snapshot.unknown", f"there is no snapshot {name}", hint=f"snapshots: {known}"
        ) from None
    try:
        return Snapshot.model_validate_json(text)
    except ValidationError as problem:
        raise StoredDataError(
            "snapshot.damaged",
            f"the snapshot {name} cannot be read",
            log=str(_file(home, name)),
            hint=f"remove that file and make the snapshot anew: `nestlab snapshot {name}`",
        ) from problem


def snapshots(home: Home) -> Iterator[Snapshot]:
    """All, by name. Raises StoredDataError `snapshot.damaged`."""
    for file in sorted(home.snapshots.glob("[!.]*.json")):
        yield find_snapshot(home, file.stem)


def must_be_unused(home: Home, name: str) -> None:
    """Raises UsageError `snapshot.in-use` with the lab whose disks lie on it."""
    for _, state in labs(home):
        for guest in state.guests:
            if guest.resumed == name:
                raise UsageError(
                    "snapshot.in-use",
                    f"the disk of {guest.path} in lab {state.name or state.id} lies on snapshot"
                    f" {name}",
                    hint=f"take that lab down first: `nestlab down {state.name or state.id}`",
                )


def forget_snapshot(home: Home, name: str) -> None:
    """Its file here goes; its folder on the host is for the caller."""
    _file(home, name).unlink(missing_ok=True)


def _file(home: Home, name: str) -> Path:
    return home.snapshots / f"{name}.json"
