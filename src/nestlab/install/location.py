"""Kernel and initrd of an install tree: found at its distribution's places, and verified."""

import asyncio
import hashlib
from dataclasses import dataclass
from pathlib import Path

from nestlab.errors import HostError, StoredDataError
from nestlab.image.checksums import Checksum, find_checksum
from nestlab.install.family import Family, Place
from nestlab.install.published import published
from nestlab.install.tree import Iso, Report, Tree


@dataclass(frozen=True)
class Starter:
    """What the installer is started with.

    kernel, initrd  copies in the work folder
    place           where the tree has them
    verified        what their checksums were compared with; None: nobody publishes any
    """

    kernel: Path
    initrd: Path
    place: Place
    verified: str | None


async def bring(tree: Tree, family: Family, folder: Path, report: Report) -> Starter:
    """Copy kernel and initrd into the folder.

    Raises HostError `install.not-a-tree` when they are at none of the places; StoredDataError
    `install.checksum-mismatch`, `install.bad-iso`; and what a download raises.
    """
    kernel, initrd = folder / "vmlinuz", folder / "initrd"
    report(f"looking for the installer in {tree.name}")
    for place in family.places:
        if await tree.take(place.kernel, kernel, report):
            if not await tree.take(place.initrd, initrd, report):
                continue
            verified = await _verify(tree, place, kernel, initrd)
            report(f"checksums match {verified}" if verified else _unverified(tree))
            return Starter(kernel, initrd, place, verified)
    raise HostError(
        "install.not-a-tree",
        f"{tree.name} has no installer that --os names",
        where="l0, while looking for the installer",
        hint="give the folder that holds one of these, or another --os",
        notes=tuple(f"looked for {place.kernel}" for place in family.places),
    )


def _unverified(tree: Tree) -> str:
    kind = "ISO" if isinstance(tree, Iso) else "tree"
    return f"checksums not verified: the {kind} publishes none for its kernel and initrd"


async def _verify(tree: Tree, place: Place, kernel: Path, initrd: Path) -> str | None:
    """The name of what vouches for both; for an ISO also the checksum file beside it."""
    if isinstance(tree, Iso) and (beside := _beside(tree.path)):
        name, expected = beside
        await _compare(tree.path, tree.path.name, expected)
        return name
    text = await tree.text(place.sums) if place.sums else None
    if place.sums is None or text is None:
        return None
    for file, path in ((kernel, place.kernel), (initrd, place.initrd)):
        expected_one = published(text, path.removeprefix(place.base))
        if expected_one is None:
            return None
        await _compare(file, path, expected_one)
    return place.sums


def _beside(iso: Path) -> tuple[str, Checksum] | None:
    """The checksum of an ISO from a file that distributions put beside it."""
    for name in ("SHA256SUMS", "CHECKSUM", f"{iso.name}-CHECKSUM", f"{iso.name}.sha256"):
        file = iso.with_name(name)
        if file.is_file():
            text = file.read_text("utf-8", "replace")
            if found := find_checksum(text, iso.name):
                return name, found
    return None


async def _compare(file: Path, name: str, expected: Checksum) -> None:
    def digest() -> str:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, expected.algorithm).hexdigest()

    found = await asyncio.to_thread(digest)
    if found != expected.digest:
        raise StoredDataError(
            "install.checksum-mismatch",
            f"{name} is not what the tree promises: its {expected.algorithm} is {found}, not"
            f" {expected.digest}",
            where="l0, while bringing the installer",
            hint="the mirror may be replacing it just now: try it again in some minutes; if it"
            " stays so, somebody has changed it",
        )
