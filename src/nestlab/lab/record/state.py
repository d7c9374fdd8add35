"""A lab's state on disk: enough to enter it, to go on with it and to take it down."""

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nestlab.errors import StoredDataError
from nestlab.lab.record.lock import holder
from nestlab.lab.wanted.spec import GuestSpec, NetworkSpec
from nestlab.spec.bench import Bench

_NAME, _VERSION = "nestlab.lab", 2


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class GuestRecord(_Record):
    """A guest: what its process carries, and where its files are on its parent's machine.

    spec           what it was made as, without the guests in it
    ready          whether it came up, with everything in it that its spec asks for
    stopped        whether the user stopped it
    pid, ssh_port  None while it is not up
    subnet         its own user-mode network; address: its IPv4 address there
    addresses      name of a network of the lab -> its address there; cards: what it is plugged into
    told           digest of the names that it was told since it was started, "": none yet; None: it
                   is told none
    mtu            bytes, of its way out
    handed         names of the images that it has for its own guests
    resumed        the snapshot on which its disk lies
    vcpus, memory  what it was given; memory in bytes
    accelerator    `kvm` or `tcg`; emulated: whether its timings are emulation, its own or an
                   ancestor's
    started        when its QEMU was started, UTC
    """

    path: str
    identity: str
    spec: GuestSpec | None = None
    ready: bool = False
    stopped: bool = False
    pid: int | None = None
    folder: str
    sockets: str
    ssh_port: int | None = None
    host_key: str
    subnet: str | None = None
    address: str | None = None
    addresses: dict[str, str] = {}
    cards: tuple[str, ...] = ()
    told: str | None = None
    mtu: int | None = None
    handed: tuple[str, ...] = ()
    resumed: str | None = None
    vcpus: int | None = None
    memory: int | None = None
    accelerator: str | None = None
    emulated: bool | None = None
    started: datetime | None = None


class LabState(_Record):
    """`nestlab.lab/2`.

    name     the name in the lab file, if the lab came from one
    kept     whether it stays when no nestlab is at work on it; else it is a leftover then
    host     the machine at its root as `ssh` takes it; None: this one
    place    folder of its guests on that machine; sockets: that of their sockets
    wanted   which accelerator was asked for
    networks that its machines share, in the order of the lab file
    images   name -> folder in the image store: what its guests stand on from now on
    bench    what its file wants to be measured; file_sha256, file_folder: of that file
    """

    schema_: Literal["nestlab.lab/2"] = Field(default="nestlab.lab/2", alias="schema")
    id: str
    name: str | None = None
    kept: bool = False
    host: str | None = None
    place: str
    sockets: str
    wanted: Literal["auto", "kvm", "tcg"] = "auto"
    networks: tuple[NetworkSpec, ...] = ()
    images: dict[str, str] = {}
    bench: Bench = Bench()
    file_sha256: str | None = None
    file_folder: Path = Path()
    guests: tuple[GuestRecord, ...] = ()

    def guest(self, path: str) -> GuestRecord | None:
        """The record of a machine, if there is one."""
        return next((each for each in self.guests if each.path == path), None)


FILE = "lab.json"


def save_state(state: LabState, folder: Path) -> None:
    """Replace the state file in one step. Raises StoredDataError `lab.not-written`."""
    temporary = folder / f".{FILE}.new"
    try:
        with temporary.open("w") as file:
            file.write(state.model_dump_json(by_alias=True, indent=1))
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(folder / FILE)
    except OSError as problem:
        raise StoredDataError(
            "lab.not-written",
            f"cannot write the lab's state: {problem.strerror}",
            log=str(folder / FILE),
            hint="free some space on that disk",
        ) from problem


def load_state(folder: Path) -> LabState:
    """Read a lab's state. Raises StoredDataError `lab.damaged`, `lab.too-new`."""
    file = folder / FILE
    try:
        found = json.loads(file.read_bytes())
        _must_be_ours(found, file)
        return LabState.model_validate_json(json.dumps(_migrated(found, folder)))
    except (OSError, ValueError, ValidationError) as problem:
        raise StoredDataError(
            "lab.damaged",
            f"the state of lab {folder.name} cannot be read",
            log=str(file),
            hint=f"see that no QEMU of it runs (`pgrep -af nestlab-{folder.name}`), then remove"
            f" {folder}",
        ) from problem


def _must_be_ours(found: object, file: Path) -> None:
    schema = found.get("schema") if isinstance(found, dict) else None
    name, _, version = str(schema).partition("/")
    if name == _NAME and version.isdecimal() and int(version) > _VERSION:
        raise StoredDataError(
            "lab.too-new",
            f"lab {file.parent.name} was made by a newer nestlab ({schema})",
            log=str(file),
            hint="use that nestlab, or upgrade this one",
        )


def _migrated(found: object, folder: Path) -> object:
    """Version 1 knew its owner by pid, and labs of this machine alone."""
    if isinstance(found, dict) and found.get("schema") == f"{_NAME}/1":
        rest = {key: value for key, value in found.items() if not key.startswith("owner")}
        return {**rest, "schema": f"{_NAME}/{_VERSION}", "place": str(folder)}
    return found


def lab_state(state: LabState, folder: Path) -> str:
    """`busy` (a nestlab is at work on it), `kept` or `left over`."""
    if holder(folder) is not None:
        return "busy"
    return "kept" if state.kept else "left over"
