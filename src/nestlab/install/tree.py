"""An install tree, wherever it is: a folder, a web server, an ISO 9660 file."""

import asyncio
import io
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

from nestlab.errors import HostError, StoredDataError, UsageError
from nestlab.image.importing import is_url
from nestlab.image.transfer import STALL, Part, download
from nestlab.image.web import fetch_text

if TYPE_CHECKING:
    from pycdlib import PyCdlib

Report = Callable[[str], None]

_TEXT_LIMIT = 16 << 20
"""Bytes of a file of checksums; openSUSE's lists every file of the medium."""


class Tree(Protocol):
    """Files by their paths from the root of the tree."""

    @property
    def name(self) -> str:
        """Folder, URL or ISO, as the user gave it."""
        ...

    async def text(self, path: str) -> str | None:
        """A small file; None where there is none."""
        ...

    async def take(self, path: str, target: Path, report: Report) -> bool:
        """Copy a file of it here; False where there is none."""
        ...


@dataclass(frozen=True)
class Folder:
    """A folder of this machine."""

    path: Path

    @property
    def name(self) -> str:
        """See `Tree.name`."""
        return str(self.path)

    async def text(self, path: str) -> str | None:
        """See `Tree.text`."""
        file = self.path / path
        if not file.is_file():
            return None
        return file.read_bytes()[:_TEXT_LIMIT].decode("utf-8", "replace")

    async def take(self, path: str, target: Path, _report: Report) -> bool:
        """See `Tree.take`."""
        file = self.path / path
        if not file.is_file():
            return False
        await asyncio.to_thread(shutil.copyfile, file, target)
        return True


@dataclass(frozen=True)
class Web:
    """A tree of a web server. Raises what `nestlab.image.web` raises, besides a missing file."""

    url: str
    stall: float = STALL

    @property
    def name(self) -> str:
        """See `Tree.name`."""
        return self.url

    async def text(self, path: str) -> str | None:
        """See `Tree.text`."""
        try:
            data = await fetch_text(f"{self.url.rstrip('/')}/{path}", stall=self.stall)
        except HostError as problem:
            if problem.code != "image.not-found":
                raise
            return None
        return data.decode("utf-8", "replace")

    async def take(self, path: str, target: Path, report: Report) -> bool:
        """See `Tree.take`."""
        try:
            part = Part(target)
            await download(f"{self.url.rstrip('/')}/{path}", part, report, stall=self.stall)
        except HostError as problem:
            if problem.code != "image.not-found":
                raise
            return False
        return True


@dataclass(frozen=True)
class Iso:
    """An ISO 9660 file, read with the names of Rock Ridge or Joliet where it has them."""

    path: Path

    @property
    def name(self) -> str:
        """See `Tree.name`."""
        return str(self.path)

    async def text(self, path: str) -> str | None:
        """See `Tree.text`; raises StoredDataError `install.bad-iso`."""
        buffer = io.BytesIO()
        if not await asyncio.to_thread(self._copy, path, buffer):
            return None
        return buffer.getvalue()[:_TEXT_LIMIT].decode("utf-8", "replace")

    async def take(self, path: str, target: Path, report: Report) -> bool:
        """See `Tree.take`; raises StoredDataError `install.bad-iso`."""
        report("reading the ISO")
        with target.open("wb") as file:
            return await asyncio.to_thread(self._copy, path, file)

    def _copy(self, path: str, file: BinaryIO) -> bool:
        # loaded for an ISO only
        from pycdlib import PyCdlib  # noqa: PLC0415
        from pycdlib.pycdlibexception import PyCdlibException, PyCdlibInvalidInput  # noqa: PLC0415

        iso = PyCdlib()
        try:
            iso.open(str(self.path))
            try:
                iso.get_file_from_iso_fp(file, **_named(iso, path))
            except PyCdlibInvalidInput:
                return False
            finally:
                iso.close()
        except PyCdlibException as problem:
            raise StoredDataError(
                "install.bad-iso",
                f"{self.path.name} cannot be read as ISO 9660: {problem}",
                log=str(self.path),
                hint="compare its checksum with what its publisher says",
            ) from problem
        return True


def _named(iso: "PyCdlib", path: str) -> dict[str, str]:
    if iso.has_rock_ridge():
        return {"rr_path": f"/{path}"}
    if iso.has_joliet():
        return {"joliet_path": f"/{path}"}
    return {"iso_path": f"/{path.upper()};1"}


def open_tree(location: str) -> Tree:
    """What --location names. Raises UsageError `install.no-such-tree`."""
    if is_url(location):
        return Web(location)
    path = Path(location).expanduser()
    if path.is_dir():
        return Folder(path.resolve())
    if path.is_file():
        return Iso(path.resolve())
    raise UsageError(
        "install.no-such-tree",
        f"{location} is neither a URL nor a folder or file here",
        hint="--location with an install tree (a folder, or a URL that begins with http:// or"
        " https://) or an ISO file",
    )
