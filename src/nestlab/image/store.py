"""The store of base images: an image has its name only when it is whole.

Built in a staging folder and renamed; a lock file (flock, so a killed builder frees it) lets one
builder in at a time; what a killed builder left is removed by the next one.
"""

import asyncio
import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nestlab.errors import CleanupError, StoredDataError
from nestlab.home import make_folder
from nestlab.teardown import on_exit

_STAGING = ".staging-"
_CHUNK = 1 << 20


class Manifest(BaseModel):
    """`nestlab.image/1`: what is in an image's folder and how to tell that it still is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_: str = Field(default="nestlab.image/1", alias="schema")
    name: str
    recipe: str
    architecture: str
    kernel: str
    packages: dict[str, str]
    disk_size: int
    disk_sha256: str
    kernel_sha256: str
    initrd_sha256: str | None = None


@dataclass(frozen=True)
class Image:
    """An image of the store."""

    folder: Path
    manifest: Manifest

    @property
    def disk(self) -> Path:
        """The raw root file system."""
        return self.folder / "disk.img"

    @property
    def kernel(self) -> Path:
        """The kernel that boots it."""
        return self.folder / "vmlinuz"

    @property
    def initrd(self) -> Path | None:
        """What a guest with its disks on virtio needs besides; images of old have none."""
        return self.folder / "initrd" if self.manifest.initrd_sha256 else None


class ImageStore:
    """The folder of all base images."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def logs(self) -> Path:
        """Beside the images: what builds said that failed."""
        return self.folder.parent / "logs"

    def find(self, slug: str) -> Image | None:
        """The image, or None when it was never built.

        Raises StoredDataError `image.damaged` when its files are not what its manifest says.
        """
        folder = self.folder / slug
        if not folder.exists():
            return None
        try:
            text = (folder / "image.json").read_bytes()
        except OSError as problem:
            raise _damaged(folder, f"image.json: {problem.strerror}") from problem
        try:
            image = Image(folder, Manifest.model_validate_json(text))
        except ValidationError as problem:
            raise _damaged(folder, f"image.json: {problem.errors()[0]['msg']}") from problem
        _check(image)
        return image

    @contextlib.asynccontextmanager
    async def building(self, waiting: Callable[[], None]) -> AsyncIterator[Path]:
        """A staging folder, alone; removed in the end, whatever happened.

        `waiting` is called once when another builder is at work. Raises CleanupError
        `image.not-removed` when nothing else went wrong.
        """
        make_folder(self.folder)
        with (self.folder / ".lock").open("a") as lock:
            await _lock(lock.fileno(), waiting)
            for left in self.folder.glob(f"{_STAGING}*"):
                await _remove(left)
            staging = Path(tempfile.mkdtemp(prefix=_STAGING, dir=self.folder))
            async with AsyncExitStack() as stack:
                on_exit(stack, lambda: _remove(staging))
                yield staging

    def publish(self, staged: Path, slug: str, manifest: Manifest) -> Image:
        """Give a finished folder its name: everything is on disk before the rename."""
        (staged / "image.json").write_text(manifest.model_dump_json(by_alias=True, indent=1))
        for path in (*staged.iterdir(), staged):
            _sync(path)
        staged.rename(self.folder / slug)
        _sync(self.folder)
        return Image(self.folder / slug, manifest)


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


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _check(image: Image) -> None:
    """Checksums of kernel and initrd, size of the disk.

    The disk's own checksum takes seconds, so it is compared only by `verify_disk`; the file is
    read-only, and QEMU opens it read-only at every level.
    """
    try:
        size = image.disk.stat().st_size
        kernel = sha256_of(image.kernel)
        initrd = sha256_of(image.initrd) if image.initrd else None
    except OSError as problem:
        raise _damaged(image.folder, f"{problem.filename}: {problem.strerror}") from problem
    if size != image.manifest.disk_size:
        raise _damaged(image.folder, f"disk.img has {size} bytes, not {image.manifest.disk_size}")
    if kernel != image.manifest.kernel_sha256:
        raise _damaged(image.folder, "the checksum of vmlinuz does not match")
    if initrd != image.manifest.initrd_sha256:
        raise _damaged(image.folder, "the checksum of initrd does not match")


def verify_disk(image: Image) -> None:
    """Compare the disk's checksum; raises StoredDataError `image.damaged`."""
    if sha256_of(image.disk) != image.manifest.disk_sha256:
        raise _damaged(image.folder, "the checksum of disk.img does not match")


def sha256_of(path: Path) -> str:
    """Checksum of a file that may be sparse: data extents with their offsets, and the size.

    For a file without holes this differs from `sha256sum`; it is an internal identity. lseek(2)
    SEEK_DATA keeps 15 GiB of zeros from being read.
    """
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        position = 0
        while position < size:
            try:
                start = os.lseek(file.fileno(), position, os.SEEK_DATA)
            except OSError:  # ENXIO: only a hole is left
                break
            end = os.lseek(file.fileno(), start, os.SEEK_HOLE)
            position = _feed(digest.update, file.fileno(), start, end)
    digest.update(json.dumps({"size": size}).encode())
    return digest.hexdigest()


def _feed(update: Callable[[bytes], None], descriptor: int, start: int, end: int) -> int:
    """Feed one extent block by block; blocks of zeros count as holes, whatever the disk made."""
    position = start - start % _CHUNK
    while position < end:
        block = os.pread(descriptor, _CHUNK, position)
        if block.strip(b"\0"):
            update(position.to_bytes(8, "big"))
            update(block)
        position += _CHUNK
    return position


def _damaged(folder: Path, what: str) -> StoredDataError:
    return StoredDataError(
        "image.damaged",
        f"the image {folder.name} is damaged: {what}",
        where="l0, while opening the image",
        log=str(folder),
        hint=f"remove it, it is built again: `rm -rf {folder}`",
    )
