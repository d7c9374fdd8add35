"""What a file is that wants to be a disk, read from its first bytes before QEMU opens it.

A qcow2 can name a backing file or a data file, and QEMU opens what it names: an image made by
somebody else could show a guest any file of this machine. So such an image is refused before any
program of QEMU sees it. Source: QEMU's docs/interop/qcow2.rst.
"""

import struct
from dataclasses import dataclass
from pathlib import Path

from nestlab.errors import StoredDataError
from nestlab.image.manifest import Format

_QCOW2 = b"QFI\xfb"
_HEADER = struct.Struct(">4sIQIIQIIQQIIQQQQII")
"""Fields of version 3: magic, version, backing file offset and length, cluster bits, size,
encryption … incompatible, compatible, autoclear features, refcount order, header length."""

_V2_LENGTH = 72
_EXTERNAL_DATA = 1 << 2
_KNOWN_FEATURES = 0b11111  # dirty, corrupt, external data, compression type, extended L2
_DATA_FILE = 0x44415441
"""Header extension with the name of a data file."""

_BOOT_SECTOR = (510, b"\x55\xaa")
_READ = 1 << 16


@dataclass(frozen=True)
class Disk:
    """format: how QEMU has to read it; size: bytes of the disk in it."""

    format: Format
    size: int


def look_at(path: Path) -> Disk:
    """What the file is.

    Raises StoredDataError `image.unsafe` for a qcow2 that names other files, is encrypted, or has
    features that nobody here knows; `image.not-a-disk` for everything that is neither a whole
    qcow2 header nor a raw disk with a boot sector.
    """
    with path.open("rb") as file:
        head = file.read(_READ)
    if head.startswith(_QCOW2):
        return _qcow2(path, head)
    offset, magic = _BOOT_SECTOR
    if head[offset : offset + len(magic)] == magic:
        return Disk("raw", path.stat().st_size)
    raise StoredDataError(
        "image.not-a-disk",
        f"{path.name} is neither qcow2 nor a raw disk with a boot sector",
        log=str(path),
        hint="unpack it if it is compressed; `qemu-img convert -O qcow2` reads other formats",
    )


def _qcow2(path: Path, head: bytes) -> Disk:
    if len(head) < _HEADER.size:
        raise _unsafe(path, "it is shorter than a header of qcow2")
    fields = _HEADER.unpack_from(head)
    version, backing, size, encryption, features = *fields[1:3], fields[5], fields[6], fields[13]
    length = fields[17]
    if version == 2:
        features, length = 0, _V2_LENGTH
    if version not in {2, 3} or features & ~_KNOWN_FEATURES:
        raise _unsafe(path, "it is a qcow2 of a kind that is not known")
    if backing:
        raise _unsafe(path, "it names a backing file")
    if features & _EXTERNAL_DATA or _DATA_FILE in _extensions(head, length):
        raise _unsafe(path, "it keeps its data in another file")
    if encryption:
        raise _unsafe(path, "it is encrypted")
    return Disk("qcow2", size)


def _extensions(head: bytes, position: int) -> set[int]:
    """Types of the header extensions; they are padded to 8 bytes, type 0 ends them."""
    found: set[int] = set()
    while position + 8 <= len(head):
        kind, length = struct.unpack_from(">II", head, position)
        if kind == 0:
            break
        found.add(kind)
        position += 8 + length + (-length % 8)
    return found


def _unsafe(path: Path, why: str) -> StoredDataError:
    return StoredDataError(
        "image.unsafe",
        f"{path.name} is refused: {why}",
        log=str(path),
        hint="make one file of it where it comes from: `qemu-img convert -O qcow2 OLD NEW`",
    )
