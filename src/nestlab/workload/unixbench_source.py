"""The source of UnixBench 5.1.3: where it is, and only those of its files that are needed."""

import gzip
import hashlib
import io
import tarfile
from pathlib import PurePosixPath

from nestlab.errors import StoredDataError, UsageError

URL = "https://github.com/kdlucas/byte-unixbench/archive/v5.1.3.tar.gz"
SHA256 = "3a6bb00f270a5329682dff20fd2c1ab5332ef046eb54a96a0d7bd371005d31a3"
"""As in Spack's recipe `byte-unixbench`, version 5.1.3, for this URL."""

_RELEASE = b"UnixBench - Release 5.1.3"
_LARGEST = 16 << 20
"""Bytes of the archive, and of all its files; those of 5.1.3 are below one MiB."""


def checked_download(data: bytes) -> bytes:
    """The download, as it came. Raises StoredDataError `unixbench.checksum`."""
    found = hashlib.sha256(data).hexdigest()
    if found != SHA256:
        raise StoredDataError(
            "unixbench.checksum",
            f"{URL} has the sha256 {found}, not {SHA256}",
            hint="give a tar of the upstream tree that you trust: --archive FILE",
        )
    return data


def tree(archive: bytes, name: str) -> bytes:
    """A plain tar of the regular files beside `Run`; the same tree gives the same bytes.

    `name` is for messages. Raises UsageError `unixbench.bad-archive` for what is no tar of
    UnixBench 5.1.3.
    """
    try:
        files = _files(archive)
    except (tarfile.TarError, OSError, EOFError, ValueError) as problem:
        raise _bad(name, f"it cannot be read: {problem}") from problem
    folders = [path.parent for path in files if path.name == "Run"]
    if len(folders) != 1 or folders[0] / "Makefile" not in files:
        raise _bad(name, "it has not one folder with `Run` and `Makefile`")
    if _RELEASE not in files[folders[0] / "Run"][1]:
        raise _bad(name, "it is another version")
    into = io.BytesIO()
    with tarfile.open(fileobj=into, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path in sorted(files):
            if path.is_relative_to(folders[0]):
                executable, data = files[path]
                member = tarfile.TarInfo(str(path.relative_to(folders[0])))
                member.size, member.mode = len(data), 0o755 if executable else 0o644
                tar.addfile(member, io.BytesIO(data))
    return into.getvalue()


def _files(archive: bytes) -> dict[PurePosixPath, tuple[bool, bytes]]:
    if archive.startswith(b"\x1f\x8b"):
        with gzip.open(io.BytesIO(archive)) as unpacked:
            archive = unpacked.read(_LARGEST + 1)
    if len(archive) > _LARGEST:
        raise ValueError("it is too large")
    found: dict[PurePosixPath, tuple[bool, bytes]] = {}
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:") as tar:
        for member in tar:
            path = PurePosixPath(member.name)
            if path.is_absolute() or ".." in path.parts:
                raise ValueError(f"it has a file {member.name[:100]!r}")
            if member.isreg() and (reader := tar.extractfile(member)) is not None:
                found[path] = (bool(member.mode & 0o100), reader.read())
    return found


def _bad(name: str, why: str) -> UsageError:
    return UsageError(
        "unixbench.bad-archive",
        f"{name} is no tar of UnixBench 5.1.3: {why}",
        hint=f"take a tar of the upstream tree, such as {URL}",
    )
