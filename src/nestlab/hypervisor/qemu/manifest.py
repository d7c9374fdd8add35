"""What is known of a saved guest, `nestlab.snapshot/1`, and whether it can be resumed here."""

import dataclasses
import shlex
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nestlab.deadline import Deadline
from nestlab.errors import HostError, MachineError, StoredDataError
from nestlab.facts.model import Facts
from nestlab.hypervisor.plan import GuestPlan, Saved
from nestlab.machine.protocol import Machine
from nestlab.machine.shell import read_text


class Manifest(BaseModel):
    """`nestlab.snapshot/1`: what was saved, and what can resume it.

    image   checksum of the base image's disk, on which the saved overlay lies
    facts   of the guest: what was proved of it holds when it is resumed, see `promote_resumed`
    others  see `Saved`
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_: str = Field(
        default="nestlab.snapshot/1", alias="schema", pattern=r"^nestlab\.snapshot/1$"
    )
    created: datetime
    plan: GuestPlan
    image: str
    facts: Facts
    qemu: str
    machine: str
    cpu: str
    state_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    disk_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


def cpu_of(plan: GuestPlan, facts: Facts) -> str:
    """The processor that a guest of this plan sees on a machine with these facts (pure)."""
    if plan.accelerator.emulated or facts.cpu is None:
        return ""
    return f"{facts.cpu.vendor}, {facts.cpu.model}, {' '.join(sorted(facts.cpu.flags))}"


def resumed(manifest: Manifest, folder: str, plan: GuestPlan) -> GuestPlan:
    """The plan of a guest that is resumed from the snapshot in `folder` (pure).

    All that the guest can see is as it was saved; what the new lab decides comes from `plan`: where
    its files are, its addresses, its name, its accelerator.
    """
    saved = Saved(
        folder, manifest.qemu, manifest.machine, manifest.cpu,
        manifest.state_sha256, manifest.disk_sha256,
    )  # fmt: skip
    return dataclasses.replace(
        manifest.plan,
        lab=plan.lab,
        path=plan.path,
        accelerator=plan.accelerator,
        image=plan.image,
        network=plan.network,
        folder=plan.folder,
        sockets=plan.sockets,
        saved=saved,
    )


async def load_manifest(host: Machine, folder: str, *, image: str, deadline: Deadline) -> Manifest:
    """What is in a snapshot's folder.

    image  checksum of the base image's disk as it is now

    Raises StoredDataError `snapshot.damaged`, HostError `snapshot.version`.
    """
    try:
        text = await read_text(host, f"{folder}/snapshot.json", deadline=deadline)
        manifest = Manifest.model_validate_json(text)
    except MachineError as problem:
        if problem.code not in {"machine.read-failed", "machine.file-too-large"}:
            raise
        raise damaged(host, folder, problem.message) from problem
    except ValidationError as problem:
        raise damaged(host, folder, f"snapshot.json: {problem.errors()[0]['msg']}") from problem
    if manifest.image != image:
        raise differs(host, folder, "base image", manifest.image[:12], image[:12])
    return manifest


def differs(host: Machine, folder: str, what: str, then: str, now: str) -> HostError:
    """The error for a snapshot that was made by something else than would resume it."""
    return HostError(
        "snapshot.version",
        f"the {what} was {then!r} when the snapshot was made and is {now!r} now",
        where=f"{host.path}, while resuming from {folder}",
        hint="make the snapshot anew",
    )


def damaged(host: Machine, folder: str, what: str) -> StoredDataError:
    """The error for a snapshot whose files are not what was saved."""
    return StoredDataError(
        "snapshot.damaged",
        f"the snapshot is damaged: {what}",
        where=f"{host.path}, while resuming from {folder}",
        hint=f"remove it and make it anew: `rm -rf {shlex.quote(folder)}`",
    )
