"""What a guest printed on its serial console, and what its QEMU said: files beside its disk."""

import asyncio
import codecs
import posixpath
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

from nestlab.deadline import Deadline
from nestlab.errors import MachineError
from nestlab.harmless import plain_line
from nestlab.lab.access.parent import reach_parent
from nestlab.lab.record.naming import Found
from nestlab.machine import failures
from nestlab.machine.protocol import Machine

CONSOLE, QEMU = "console.log", "qemu.log"
_CHUNK = 256 * 1024
_LINE = 16 * 1024
"""Characters after which a line is shown in parts: a guest need not print a newline ever."""
_PAUSE = 0.5
"""Seconds between looks for more."""
_LOGIN_PATIENCE = 60.0

ReadAt = Callable[[int, int], Awaitable[bytes]]
"""Bytes of a file from an offset, at most so many."""


async def read_log(found: Found, name: str, *, follow: bool) -> AsyncGenerator[bytes, None]:
    """The log in chunks; when it is followed, an empty chunk says that nothing came for a while.

    Raises MachineError `logs.missing`, and what reaching its parent raises.
    """
    deadline = Deadline.after(_LOGIN_PATIENCE)
    async with reach_parent(found, deadline=deadline) as machine:
        file = posixpath.join(found.guest.folder, name)
        async with _opened(machine, file, found.guest.path) as (size, read_at):
            offset = 0
            while True:
                while data := await read_at(offset, _CHUNK):
                    offset += len(data)
                    yield data
                if not follow:
                    return
                yield b""
                await asyncio.sleep(_PAUSE)
                if await size() < offset:
                    offset = 0  # begun anew, by a guest that was started again


@asynccontextmanager
async def _opened(
    machine: Machine, file: str, guest: str
) -> AsyncIterator[tuple[Callable[[], Awaitable[int]], ReadAt]]:
    if machine.path == "l0":
        yield _here(Path(file), guest)
        return
    # asyncssh costs time that a guest of this machine need not pay
    from nestlab.lab.access.inside import behind_ssh, files_of  # noqa: PLC0415

    # what the block around this one raises while it reads comes back here
    async with _translated(machine, file, guest), files_of(behind_ssh(machine)) as sftp:

        async def size() -> int:
            return (await sftp.stat(file)).size or 0

        async def read(offset: int, most: int) -> bytes:
            opened = await sftp.open(file, "rb")
            try:
                return cast(bytes, await opened.read(most, offset))
            finally:
                await opened.close()

        async def read_at(offset: int, most: int) -> bytes:
            # asyncssh reads in tasks of its own, and would complain of those that we interrupt
            reading = asyncio.ensure_future(read(offset, most))
            try:
                return await asyncio.shield(reading)
            except asyncio.CancelledError:
                await asyncio.wait([reading])
                raise

        await size()
        yield size, read_at


@asynccontextmanager
async def _translated(machine: Machine, file: str, guest: str) -> AsyncIterator[None]:
    import asyncssh  # noqa: PLC0415

    try:
        yield
    except asyncssh.SFTPNoSuchFile as problem:
        raise _missing(machine.path, file, guest) from problem
    except (asyncssh.Error, OSError) as problem:
        raise failures.lost(machine.path, problem) from problem


def _here(file: Path, guest: str) -> tuple[Callable[[], Awaitable[int]], ReadAt]:
    async def size() -> int:
        return _size(file)

    async def read_at(offset: int, most: int) -> bytes:
        try:
            with file.open("rb") as opened:
                opened.seek(offset)
                return opened.read(most)
        except FileNotFoundError:
            raise _missing("l0", str(file), guest) from None

    return size, read_at


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def _missing(path: str, file: str, guest: str) -> MachineError:
    return MachineError(
        "logs.missing",
        f"{guest} has printed nothing that was kept",
        where=f"{path}, while reading its log",
        log=file,
        hint="the guest may not have been started yet: `nestlab status`",
    )


class Harmless:
    r"""Bytes of a guest as text: lines and tabs stay, every other control is shown as `\x1b`."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        self._begun = ""

    def take(self, data: bytes) -> str:
        """All complete lines, and the parts of one that grows too long."""
        whole, newline, self._begun = (self._begun + self._decoder.decode(data)).rpartition("\n")
        shown = "".join(f"{_clean(line)}\n" for line in whole.split("\n")) if newline else ""
        if len(self._begun) > _LINE:
            shown += self.rest()
        return shown

    def rest(self) -> str:
        """The begun line, when nothing more comes for now."""
        begun, self._begun = self._begun, ""
        return _clean(begun)


def _clean(line: str) -> str:
    """A serial console ends lines with CR LF, often with more than one CR."""
    # whole: what a log says is asked for, and it is told in parts that are bounded
    return plain_line(line.rstrip("\r"), longest=len(line))
