"""Files that appear whole or not at all."""

import asyncio
import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

_CHUNK = 1 << 20


def temporary_name(target: str) -> str:
    """A hidden name beside the target that nobody else uses, of bounded length."""
    path = PurePosixPath(target)
    return str(path.with_name(f".{path.name[:100]}.nestlab-{secrets.token_hex(4)}"))


@contextlib.contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """A new empty file (mode 0600) that takes the target's name at the end, or is removed.

    Raises OSError, and ValueError for a target that cannot be a file's name.
    """
    temporary = Path(temporary_name(str(target)))
    temporary.touch(mode=0o600, exist_ok=False)
    try:
        yield temporary
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def sync(path: Path) -> None:
    """Flush a file, or a folder: a rename in it survives a power cut by that alone (fsync(2)).

    Raises OSError.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


async def copy_whole(source: Path, target: Path, mode: int | None = None) -> None:
    """Copy a file; None for the mode means the permission bits of the source.

    The event loop goes on between chunks, so cancelling leaves no thread that writes.
    Raises OSError.
    """
    with source.open("rb") as read, replacing(target) as temporary:
        with temporary.open("wb") as write:
            while chunk := await asyncio.to_thread(read.read, _CHUNK):
                await asyncio.to_thread(write.write, chunk)
        bits = os.fstat(read.fileno()).st_mode & 0o777 if mode is None else mode
        temporary.chmod(bits)
