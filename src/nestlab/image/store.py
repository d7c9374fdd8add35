"""The store of base images: an image has its name only when it is whole.

Built in a staging folder and renamed; a lock file (flock, so a killed builder frees it) lets one
builder in at a time; what a killed builder left is removed by the next one.
"""

import asyncio
import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from nestlab.errors import CleanupError, StoredDataError
from nestlab.home import make_folder
from nestlab.image.digest import plain_sha256, sha256_of
from nestlab.image.manifest import Manifest
from nestlab.machine.replacement import sync
from nestlab.teardown import on_exit

STAGING = ".staging-"
"""Prefix of folders in which images are made; they are leftovers when nobody makes one."""

_MANIFEST = "image.json"


@dataclass(frozen=True)
class Image:
    """An image of the store."""

    folder: Path
    manifest: Manifest

    @property
    def disk(self) -> Path:
        """The root file system, or the whole disk of a cloud image."""
        return self.folder / self.manifest.disk

    @property
    def kernel(self) -> Path | None:
        """The kernel that boots it; None where it has a boot loader of its own."""
        return self.folder / "vmlinuz" if self.manifest.kind == "built" else None

    @property
    def used(self) -> float:
        """When somebody last asked the store for it: seconds since the epoch."""
        return (self.folder / _MANIFEST).stat().st_mtime

    @property
    def initrd(self) -> Path | None:
        """What a guest with its disks on virtio needs besides; images of old have none."""
        return self.folder / "initrd" if self.manifest.initrd_sha256 else None


class ImageStore:
    """The folder of all base images."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def downloads(self) -> Path:
        """What was pulled in part."""
        return self.folder / ".downloads"

    @property
    def logs(self) -> Path:
        """Beside the images: what builds said that failed."""
        return self.folder.parent / "logs"

    def find(self, slug: str) -> Image | None:
        """The image, or None when it was never stored; notes that it was asked for.

        Raises StoredDataError `image.damaged` when its files are not what its manifest says.
        """
        folder = self.folder / slug
        if not folder.exists():
            return None
        image = _read(folder)
        _check(image)
        with contextlib.suppress(OSError):  # a store that cannot be written is read all the same
            os.utime(folder / _MANIFEST)
        return image

    def find_named(self, name: str, architecture: str) -> Image | None:
        """The newest image of that name; raises StoredDataError `image.damaged`.

        architecture  as `uname -m` says it
        """
        mine = [
            image
            for image in self.list()
            if (image.manifest.name, image.manifest.architecture) == (name, architecture)
        ]
        return self.find(max(mine, key=age_of).folder.name) if mine else None

    def list(self) -> tuple[Image, ...]:
        """All images whose manifest can be read, by name and age; the files are not looked at."""
        found = [image for image in self._entries() if isinstance(image, Image)]
        return tuple(sorted(found, key=lambda image: (image.manifest.name, age_of(image))))

    def damaged(self) -> tuple[StoredDataError, ...]:
        """An error for every image whose manifest cannot be read; its `log` is the folder."""
        return tuple(entry for entry in self._entries() if isinstance(entry, StoredDataError))

    def _entries(self) -> Iterator[Image | StoredDataError]:
        for folder in sorted(self.folder.glob("[!.]*")):
            try:
                yield _read(folder)
            except StoredDataError as problem:
                yield problem

    @contextlib.asynccontextmanager
    async def building(self, waiting: Callable[[], None]) -> AsyncIterator[Path]:
        """A staging folder, alone; removed in the end, whatever happened.

        `waiting` is called once when another builder is at work. Raises CleanupError
        `image.not-removed` when nothing else went wrong.
        """
        make_folder(self.folder)
        with (self.folder / ".lock").open("a") as lock:
            await _lock(lock.fileno(), waiting)
            for left in self.folder.glob(f"{STAGING}*"):
                await _remove(left)
            staging = Path(tempfile.mkdtemp(prefix=STAGING, dir=self.folder))
            async with AsyncExitStack() as stack:
                on_exit(stack, lambda: _remove(staging))
                yield staging

    def publish(self, staged: Path, slug: str, manifest: Manifest) -> Image:
        """Give a finished folder its name: everything is on disk before the rename."""
        (staged / _MANIFEST).write_text(manifest.model_dump_json(by_alias=True, indent=1))
        for path in (*staged.iterdir(), staged):
            sync(path)
        staged.rename(self.folder / slug)
        sync(self.folder)
        return Image(self.folder / slug, manifest)


def age_of(image: Image) -> float:
    """When it was stored, seconds since the epoch; 0 where that was not noted."""
    created = image.manifest.created
    return created.timestamp() if created else 0.0


def _read(folder: Path) -> Image:
    try:
        text = (folder / _MANIFEST).read_bytes()
    except OSError as problem:
        raise _damaged(folder, f"image.json: {problem.strerror}") from problem
    try:
        return Image(folder, Manifest.model_validate_json(text))
    except ValidationError as problem:
        raise _damaged(folder, f"image.json: {problem.errors()[0]['msg']}") from problem


async def _remove(staging: Path) -> None:
    try:
        await asyncio.to_thread(shutil.rmtree, staging)
    except OSError as problem:
        raise CleanupError(
            "image.not-removed",
            f"cannot remove {problem.filename or staging}: {problem.strerror}",
            where="l0, while building the image",
            hint=f"remove it by hand: `sudo rm -rf {staging}`",
        ) from problem


async def _lock(descriptor: int, waiting: Callable[[], None]) -> None:
    told = False
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not told:
                waiting()
                told = True
            await asyncio.sleep(0.2)
        else:
            return


def _check(image: Image) -> None:
    """Checksums of kernel and initrd, size of the disk.

    The disk's own checksum takes seconds, so it is compared only by `verify_disk`; the file is
    read-only, and QEMU opens it read-only at every level.
    """
    try:
        size = image.disk.stat().st_size
        kernel = sha256_of(image.kernel) if image.kernel else None
        initrd = sha256_of(image.initrd) if image.initrd else None
    except OSError as problem:
        raise _damaged(image.folder, f"{problem.filename}: {problem.strerror}") from problem
    if size != image.manifest.disk_size:
        expected = image.manifest.disk_size
        raise _damaged(image.folder, f"{image.disk.name} has {size} bytes, not {expected}")
    if kernel != image.manifest.kernel_sha256:
        raise _damaged(image.folder, "the checksum of vmlinuz does not match")
    if initrd != image.manifest.initrd_sha256:
        raise _damaged(image.folder, "the checksum of initrd does not match")


def verify_disk(image: Image) -> None:
    """Compare the disk's checksum; raises StoredDataError `image.damaged`."""
    checksum = sha256_of if image.manifest.kind == "built" else plain_sha256
    if checksum(image.disk) != image.manifest.disk_sha256:
        raise _damaged(image.folder, f"the checksum of {image.disk.name} does not match")


def _damaged(folder: Path, what: str) -> StoredDataError:
    return StoredDataError(
        "image.damaged",
        f"the image {folder.name} is damaged: {what}",
        where="l0, while opening the image",
        log=str(folder),
        hint=f"remove it, then build or pull it again: `rm -rf {folder}`",
    )
