"""Checksums of disks that are mostly holes, and of those that are not."""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

_CHUNK = 1 << 20


def plain_sha256(path: Path) -> str:
    """What `sha256sum` prints."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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
