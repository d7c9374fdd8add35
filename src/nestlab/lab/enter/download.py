"""From a machine of a lab to this one.

What a guest says is not trusted: it may name a file `../x`, or first show a link and then a folder
of the same name, so that what is in the folder would be written wherever the link leads.
"""

import asyncio
import posixpath
import stat
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import asyncssh

from nestlab.errors import MachineError
from nestlab.lab.enter.copying import Copy, Tally, no_such_file, no_such_folder, targets
from nestlab.machine import failures
from nestlab.machine.replacement import temporary_name
from nestlab.machine.sftp import get_whole

_BROKEN = (asyncssh.Error, OSError, ValueError)
_DEEPEST = 200
"""Folders within folders; a guest could invent them without end."""


@dataclass
class Download:
    """Copies with everything below; each file whole or not at all, links as links."""

    sftp: asyncssh.SFTPClient
    path: str
    tally: Tally

    async def copy(self, wanted: Copy) -> None:
        """Copy all.

        Raises MachineError `cp.no-such-file`, `cp.refused`, `machine.get-failed`; UsageError.
        """
        into = Path(wanted.target).is_dir()  # noqa: ASYNC240  (a local look)
        for source, target in targets(wanted, into=into):
            try:
                attributes = await self.sftp.lstat(source)
            except asyncssh.SFTPNoSuchFile:
                raise no_such_file(self.path, source) from None
            except _BROKEN as problem:
                raise self._failure(source, Path(target), problem) from problem
            mode = attributes.permissions or 0
            if target.endswith("/") and not into and not stat.S_ISDIR(mode):
                raise no_such_folder(target)
            await self._any(source, Path(target), mode, 0)

    async def _any(self, remote: str, local: Path, mode: int, depth: int) -> None:
        if stat.S_ISDIR(mode):
            await self._folder(remote, local, mode & 0o777, depth)
            return
        try:
            if stat.S_ISLNK(mode):
                await self._link(remote, local)
            elif stat.S_ISREG(mode):
                await get_whole(self.sftp, remote, local, self.tally.watch(local.name))
                self.tally.copied()
            else:
                self.tally.skip(f"{self.path}:{remote}")
        except _BROKEN as problem:
            raise self._failure(remote, local, problem) from problem

    async def _folder(self, remote: str, local: Path, mode: int, depth: int) -> None:
        if depth > _DEEPEST:
            raise self._refused(remote, f"it is more than {_DEEPEST} folders deep")
        made = self._make(remote, local, depth)
        try:
            entries = cast(AsyncGenerator[asyncssh.SFTPName, None], self.sftp.scandir(remote))
            async with aclosing(entries):
                async for entry in entries:
                    name = str(entry.filename)
                    if name in {".", ".."}:
                        continue
                    if not is_name(name):
                        raise self._refused(remote, f"it has a file named {name!r}")
                    inner = entry.attrs.permissions or 0
                    await self._any(posixpath.join(remote, name), local / name, inner, depth + 1)
            if made:  # last, as a folder may be read-only
                await asyncio.to_thread(local.chmod, mode)
        except _BROKEN as problem:
            raise self._failure(remote, local, problem) from problem

    def _make(self, remote: str, local: Path, depth: int) -> bool:
        """Whether it was not there; the target that the user named may be a link to a folder."""
        try:
            local.mkdir(0o700)
        except FileExistsError:
            if local.is_dir() and (depth == 0 or not local.is_symlink()):
                return False
            raise self._refused(remote, f"{local} is there and is no folder") from None
        except OSError as problem:
            raise self._failure(remote, local, problem) from problem
        return True

    async def _link(self, remote: str, local: Path) -> None:
        leads_to = str(await self.sftp.readlink(remote))
        replace_by_link(local, leads_to)
        self.tally.copied()

    def _refused(self, remote: str, reason: str) -> MachineError:
        return MachineError(
            "cp.refused",
            f"{remote} of {self.path} is not copied: {reason}",
            where=f"{self.path}, while copying",
            hint="a `tar` made on that machine can be copied as one file and looked at",
        )

    def _failure(self, remote: str, local: Path, problem: Exception) -> MachineError:
        if isinstance(problem, asyncssh.ConnectionLost | asyncssh.SFTPConnectionLost):
            return failures.lost(self.path, problem)
        return failures.get_failed(self.path, remote, local, problem)


def replace_by_link(local: Path, leads_to: str) -> None:
    """A link under that name, in one step. Raises OSError, ValueError."""
    temporary = Path(temporary_name(str(local)))
    temporary.symlink_to(leads_to)
    try:
        temporary.replace(local)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def is_name(name: str) -> bool:
    """Whether it is the name of a file within a folder, and nothing that leads elsewhere."""
    return name not in {"", ".", ".."} and not {"/", "\0"} & set(name)
