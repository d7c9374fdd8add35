"""Files appended to an initrd: a second archive, which the kernel unpacks over the first (pure).

Format: `newc` of cpio; the kernel's Documentation/driver-api/early-userspace/buffer-format.rst.
An initramfs is any number of archives, each compressed or not, with zeros between them; an archive
that is not compressed begins at a multiple of 4.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path

_FILE, _FOLDER = 0o100644, 0o040755
_TRAILER = "TRAILER!!!"
_ALIGNED = 512


def archive(files: Mapping[str, bytes]) -> bytes:
    """A cpio archive of files, owned by root, with the folders that they are in.

    files  path without a slash at its beginning -> content
    """
    folders = sorted({str(p) for name in files for p in Path(name).parents if str(p) != "."})
    entries = [(name, _FOLDER, b"") for name in folders]
    entries += [(name, _FILE, content) for name, content in files.items()]
    parts = [_entry(n, name, mode, content) for n, (name, mode, content) in enumerate(entries, 1)]
    return _padded(b"".join((*parts, _entry(0, _TRAILER, 0, b""))), _ALIGNED)


def append(initrd: Path, files: Mapping[str, bytes]) -> None:
    """Add the files to the end of an initrd, in place. Raises OSError."""
    size = initrd.stat().st_size
    with initrd.open("ab") as file:
        file.write(bytes(-size % _ALIGNED))
        file.write(archive(files))


def with_files(initrd: Path, target: Path, files: Mapping[str, bytes]) -> None:
    """A copy of an initrd with the files at its end. Raises OSError."""
    shutil.copyfile(initrd, target)
    append(target, files)


def _entry(number: int, name: str, mode: int, content: bytes) -> bytes:
    """Header of 13 fields of 8 hexadecimal digits, name with NUL, content, both padded to 4."""
    encoded = name.encode() + b"\0"
    fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(encoded), 0)
    header = b"070701" + b"".join(b"%08X" % field for field in fields)
    return _padded(header + encoded, 4) + _padded(content, 4)


def _padded(data: bytes, to: int) -> bytes:
    return data + bytes(-len(data) % to)
