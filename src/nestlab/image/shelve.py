"""A disk that came from elsewhere gets its name in the store, once everything about it is true."""

import asyncio
import hashlib
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from nestlab.deadline import Deadline
from nestlab.errors import MachineError, StoredDataError
from nestlab.image.checksums import Checksum
from nestlab.image.failures import missing_program
from nestlab.image.inspect import Disk, look_at
from nestlab.image.manifest import Manifest
from nestlab.image.store import Image, ImageStore
from nestlab.image.transfer import Report
from nestlab.machine.failures import last_lines
from nestlab.machine.protocol import Machine

_CHECK = 600.0
_CHUNK = 1 << 20

_LEAKS_ONLY = 3
"""Status of `qemu-img check` for clusters that nobody uses: room is wasted, nothing is wrong."""


@dataclass(frozen=True)
class Label:
    """What an image will be called, and where it is from.

    architecture  as `uname -m` says it
    expected      what the file must be; None: nobody said
    """

    name: str
    architecture: str
    user: str
    source: str
    expected: Checksum | None


async def shelve(
    store: ImageStore, file: Path, label: Label, machine: Machine, report: Report
) -> Image:
    """Check the file, then move it into the store.

    Raises StoredDataError `image.checksum-mismatch`, `image.unsafe`, `image.not-a-disk`,
    `image.corrupt`; HostError `image.no-qemu-img`. The file stays where it is then.
    """
    report("checking it")
    digests = await asyncio.to_thread(_digests, file)
    _compare(file, label, digests)
    disk = look_at(file)
    await _check(file, disk, machine)
    same = hashlib.sha256(f"{digests['sha256']} {label.user}".encode()).hexdigest()
    slug = f"{label.name}-{label.architecture}-{same[:16]}"
    async with store.building(lambda: report("waiting: another nestlab builds one")) as staging:
        if image := store.find(slug):
            return image
        return await asyncio.to_thread(_publish, store, staging, file, slug, label, disk, digests)


def _digests(file: Path) -> dict[str, str]:
    """Both at once: the file may be larger than the page cache."""
    hashes = {name: hashlib.new(name) for name in ("sha256", "sha512")}
    with file.open("rb") as opened:
        while block := opened.read(_CHUNK):
            for each in hashes.values():
                each.update(block)
    return {name: each.hexdigest() for name, each in hashes.items()}


def _compare(file: Path, label: Label, digests: dict[str, str]) -> None:
    wanted = label.expected
    if wanted is None or digests[wanted.algorithm] == wanted.digest:
        return
    raise StoredDataError(
        "image.checksum-mismatch",
        f"{label.source} is not what was promised: its {wanted.algorithm} is"
        f" {digests[wanted.algorithm]}, not {wanted.digest}",
        log=str(file),
        hint="the publisher may be replacing it just now: try it again in some minutes; if it stays"
        " so, somebody has changed it",
    )


async def _check(file: Path, disk: Disk, machine: Machine) -> None:
    """A qcow2 must be consistent; a raw disk has nothing that could be checked."""
    if disk.format == "raw":
        return
    argv = ("qemu-img", "check", "-f", disk.format, str(file))
    try:
        done = await machine.run(argv, deadline=Deadline.after(_CHECK))
    except MachineError as problem:
        if problem.code != "machine.no-such-program":
            raise
        raise missing_program("qemu-img", doing="checking") from problem
    if not done.ok and done.status != _LEAKS_ONLY:
        raise StoredDataError(
            "image.corrupt",
            f"qemu-img finds errors in {file.name}",
            log=str(file),
            hint="its publisher has to mend it; `qemu-img check` says what is wrong",
            notes=(*last_lines(done.stderr), *last_lines(done.stdout)),
        )


def _publish(
    store: ImageStore,
    staging: Path,
    file: Path,
    slug: str,
    label: Label,
    disk: Disk,
    digests: dict[str, str],
) -> Image:
    manifest = Manifest(
        kind="cloud",
        name=label.name,
        architecture=label.architecture,
        format=disk.format,
        disk_size=file.stat().st_size,
        disk_sha256=digests["sha256"],
        created=datetime.now(UTC),
        user=label.user,
        source=label.source,
        checksum=None if label.expected is None else str(label.expected),
    )
    whole = staging / "whole"
    whole.mkdir()
    shutil.move(file, whole / manifest.disk)
    (whole / manifest.disk).chmod(0o444)
    return store.publish(whole, slug, manifest)
