"""The folder in which an image is installed: alone, and gone afterwards, whatever happened."""

import asyncio
import contextlib
import fcntl
import secrets
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

from nestlab.errors import CleanupError, HostError, NestlabError
from nestlab.home import make_folder
from nestlab.image.store import ImageStore
from nestlab.teardown import on_exit

_PREFIX = "install-"


@contextlib.asynccontextmanager
async def workspace(store: ImageStore) -> AsyncIterator[Path]:
    """A new folder in `store.downloads`.

    Its lock (flock, beside it) goes with the process, so that `nestlab image gc` and the next
    installation know what a killed one left. Raises CleanupError `image.not-removed`.
    """
    downloads = make_folder(store.downloads)
    _remove_leftovers(downloads)
    folder = downloads / f"{_PREFIX}{secrets.token_hex(6)}"
    lock = folder.with_suffix(".lock")
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        async with AsyncExitStack() as stack:
            on_exit(stack, lambda: _remove(folder, lock))
            folder.mkdir(mode=0o700)
            yield folder


def _remove_leftovers(downloads: Path) -> None:
    """Folders whose nestlab is gone. One that cannot be removed is `gc`'s to complain of."""
    for lock in downloads.glob(f"{_PREFIX}*.lock"):
        with lock.open("a") as file, contextlib.suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
            lock.unlink(missing_ok=True)


async def _remove(folder: Path, lock: Path) -> None:
    try:
        await asyncio.to_thread(_remove_both, folder, lock)
    except OSError as problem:
        raise CleanupError(
            "image.not-removed",
            f"cannot remove {problem.filename or folder}: {problem.strerror}",
            where="l0, while installing an image",
            hint=f"remove it by hand: `sudo rm -rf {folder}`",
        ) from problem


def _remove_both(folder: Path, lock: Path) -> None:
    if folder.exists():  # not where it was kept
        shutil.rmtree(folder)
    lock.unlink(missing_ok=True)


@contextlib.contextmanager
def keeping(
    folder: Path, console: Path, store: ImageStore, name: str, *, whole: bool
) -> Iterator[None]:
    """What the installer said outlives the folder; with `whole` all of it does, when it failed."""
    log = store.logs / f"{_PREFIX}{name}.log"
    try:
        yield
    except NestlabError as problem:
        if _copied(console, log):
            problem.log = str(log)
        if whole and (kept := _kept(folder, store.logs / f"{_PREFIX}{name}")):
            problem.add_note(f"the work folder is kept: {kept}")
        raise
    _copied(console, log)


def _copied(console: Path, log: Path) -> bool:
    """Whether there was a log and could be kept; that it could not is no news beside the error."""
    try:
        if not console.exists():
            return False
        shutil.copyfile(console, make_folder(log.parent) / log.name)
    except (OSError, HostError):
        return False
    return True


def _kept(folder: Path, target: Path) -> Path | None:
    try:
        make_folder(target.parent)
        shutil.rmtree(target, ignore_errors=True)
        folder.rename(target)
    except (OSError, HostError):
        return None
    return target
