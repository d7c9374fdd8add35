"""A lab's state on disk: enough to enter it and to take it down from another process."""

import os
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nestlab.errors import StoredDataError


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class GuestRecord(_Record):
    """A guest: what its process carries, and where its files are on its parent's machine.

    pid, ssh_port  None until it is up
    address        its IPv4 address within its parent's network
    vcpus, memory  what it was given; memory in bytes
    accelerator    `kvm` or `tcg`; emulated: whether its timings are emulation, its own or an
                   ancestor's
    started        when its QEMU was started, UTC
    """

    path: str
    identity: str
    pid: int | None = None
    folder: str
    sockets: str
    ssh_port: int | None = None
    host_key: str
    address: str | None = None
    vcpus: int | None = None
    memory: int | None = None
    accelerator: str | None = None
    emulated: bool | None = None
    started: datetime | None = None


class LabState(_Record):
    """`nestlab.lab/1`.

    name     the name in the lab file, if the lab came from one
    owner    process that has the lab up; when it is gone and `kept` is false, the lab is a leftover
    kept     whether the user asked to leave it running
    images   folder names of the images in the store that its guests are made from
    """

    schema_: Literal["nestlab.lab/1"] = Field(default="nestlab.lab/1", alias="schema")
    id: str
    name: str | None = None
    owner: int
    owner_started: str
    kept: bool = False
    sockets: str
    guests: tuple[GuestRecord, ...] = ()
    images: tuple[str, ...] = ()


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
    """Read a lab's state. Raises StoredDataError `lab.damaged`."""
    file = folder / FILE
    try:
        return LabState.model_validate_json(file.read_bytes())
    except (OSError, ValidationError) as problem:
        raise StoredDataError(
            "lab.damaged",
            f"the state of lab {folder.name} cannot be read",
            log=str(file),
            hint=f"see that no QEMU of it runs (`pgrep -af nestlab-{folder.name}`), then remove"
            f" {folder}",
        ) from problem


def process_start(pid: int) -> str | None:
    """When a process was started, in clock ticks since boot (proc(5), field 22); None: no such.

    A pid alone may have been given to another process since.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return text.rpartition(")")[2].split()[19]


def owner_lives(state: LabState) -> bool:
    """Whether the process that brought the lab up still runs."""
    return process_start(state.owner) == state.owner_started


def lab_state(state: LabState) -> str:
    """`kept`, `busy` (a nestlab works on it) or `left over`."""
    return "kept" if state.kept else "busy" if owner_lives(state) else "left over"
