"""Removing images: by name, or all that nobody needs; never one that a lab uses."""

import fcntl
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from nestlab.errors import CleanupError, UsageError
from nestlab.image.manifest import DEBIAN_NAMES
from nestlab.image.recipe import SUITES, debian
from nestlab.image.store import STAGING, Image, ImageStore, age_of

InUse = Mapping[Path, str]
"""Folder of an image -> the lab that uses it."""

_DAY = 86400.0

FRESH = 600.0
"""Seconds for which an image that somebody asked the store for is spared: a lab that comes up has
asked for it, and may not have written down yet that it uses it."""


@dataclass(frozen=True)
class Waste:
    """Something that can go. size: bytes that it takes on the disk."""

    path: Path
    why: str
    size: int


def find_waste(
    store: ImageStore, in_use: InUse, *, keep: float | None = None, now: float | None = None
) -> tuple[Waste, ...]:
    """What `gc` removes: superseded images, leftovers older than a day.

    keep  seconds; when given, also images that nobody asked for since
    now   seconds since the epoch
    """
    at = time.time() if now is None else now
    images = (
        Waste(image.folder, why, size_of(image.folder))
        for image, why in _idle(store.list(), keep, at)
        if image.folder not in in_use and at - image.used > FRESH
    )
    left = (Waste(path, "left over", size_of(path)) for path in _leftovers(store, at))
    return (*images, *left)


def _idle(images: tuple[Image, ...], keep: float | None, now: float) -> Iterator[tuple[Image, str]]:
    current = {image.folder for image in images if not superseded(image, images)}
    for image in images:
        if image.folder not in current:
            yield image, "superseded"
        elif keep is not None and now - image.used > keep:
            yield image, "unused"


def superseded(image: Image, images: tuple[Image, ...]) -> bool:
    """Whether its name means another one: of a newer recipe, or stored later."""
    name, architecture = image.manifest.name, image.manifest.architecture
    if name in SUITES and architecture in DEBIAN_NAMES:
        return image.manifest.recipe != debian(name, architecture).digest
    same = [
        other
        for other in images
        if (other.manifest.name, other.manifest.architecture) == (name, architecture)
    ]
    return max(same, key=age_of) != image


def _leftovers(store: ImageStore, now: float) -> Iterator[Path]:
    parts = (path for path in store.downloads.glob("*") if path.suffix != ".lock")
    for path in (*store.folder.glob(f"{STAGING}*"), *parts):
        if now - path.stat().st_mtime > _DAY and not _busy(path):
            yield path


def _busy(path: Path) -> bool:
    """Whether a nestlab holds the lock of a download, however slow it is."""
    lock = path.with_suffix(".lock")
    if not lock.exists():
        return False
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def named(store: ImageStore, name: str, architecture: str | None, in_use: InUse) -> list[Path]:
    """Folders that `rm NAME` removes: every version, or one folder by its own name.

    Raises UsageError `image.unknown`, `image.in-use`.
    """
    found = [
        image.folder
        for image in store.list()
        if image.manifest.name == name and architecture in {None, image.manifest.architecture}
    ] or [
        folder for folder in store.folder.glob("[!.]*") if folder.name == name and folder.is_dir()
    ]
    if not found:
        raise UsageError(
            "image.unknown",
            f"there is no image {name} here",
            hint="`nestlab image ls` lists them",
        )
    for folder in found:
        if lab := in_use.get(folder):
            raise UsageError(
                "image.in-use",
                f"lab {lab} uses {folder.name}",
                hint=f"take it down first: `nestlab down {lab}`",
            )
    return found


def remove(path: Path) -> None:
    """Remove it; an image is never there in part. Raises CleanupError `image.not-removed`."""
    try:
        if not path.is_dir():
            path.unlink(missing_ok=True)
            return
        if not path.name.startswith("."):
            hidden = path.with_name(f"{STAGING}gone-{path.name}")
            path.rename(hidden)
            path = hidden
        shutil.rmtree(path)
    except OSError as problem:
        raise CleanupError(
            "image.not-removed",
            f"cannot remove {problem.filename or path}: {problem.strerror}",
            where="l0, while removing images",
            hint=f"remove it by hand: `sudo rm -rf {path}`",
        ) from problem


def size_of(path: Path) -> int:
    """Bytes that a file or folder takes on the disk; holes take none."""
    paths = (path, *path.rglob("*")) if path.is_dir() else (path,)
    return sum(each.lstat().st_blocks * 512 for each in paths)
