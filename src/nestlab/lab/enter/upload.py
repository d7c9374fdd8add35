"""From this machine to one of a lab."""

import os
import posixpath
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import asyncssh

from nestlab.errors import MachineError
from nestlab.lab.enter.copying import Copy, Tally, no_such_file, no_such_folder, targets
from nestlab.machine import failures
from nestlab.machine.replacement import temporary_name
from nestlab.machine.sftp import put_whole

_BROKEN = (asyncssh.Error, OSError, ValueError)


@dataclass
class Upload:
    """Copies with everything below; each file whole or not at all, links as links."""

    sftp: asyncssh.SFTPClient
    path: str
    tally: Tally

    async def copy(self, wanted: Copy) -> None:
        """Copy all. Raises MachineError `cp.no-such-file`, `machine.put-failed`; UsageError."""
        into = await self._is_folder(wanted.target, wanted)
        for source, target in targets(wanted, into=into):
            try:
                mode = os.lstat(source).st_mode
            except FileNotFoundError:
                raise no_such_file("l0", source) from None
            except (OSError, ValueError) as problem:
                raise failures.put_failed(self.path, Path(source), target, problem) from problem
            if target.endswith("/") and not into and not stat.S_ISDIR(mode):
                raise no_such_folder(target)
            # behind a slash, what a link leads to is meant
            local = os.path.realpath(source) if source.endswith("/") else source  # noqa: ASYNC240
            await self._any(Path(local), target.rstrip("/") or "/")

    async def _is_folder(self, target: str, wanted: Copy) -> bool:
        try:
            return await self.sftp.isdir(target)
        except _BROKEN as problem:
            raise self._failure(Path(wanted.sources[0]), target, problem) from problem

    async def _any(self, local: Path, remote: str) -> None:
        try:
            mode = os.lstat(local).st_mode
            if stat.S_ISLNK(mode):
                await self._link(local, remote)
            elif stat.S_ISREG(mode):
                watch = self.tally.watch(local.name)
                await put_whole(self.sftp, local, remote, mode & 0o777, watch)
                self.tally.copied()
            elif not stat.S_ISDIR(mode):
                self.tally.skip(str(local))
        except _BROKEN as problem:
            raise self._failure(local, remote, problem) from problem
        if stat.S_ISDIR(mode):
            await self._folder(local, remote, mode & 0o777)

    async def _folder(self, local: Path, remote: str, mode: int) -> None:
        try:
            made = not await self.sftp.isdir(remote)
            if made:
                await self.sftp.mkdir(remote, asyncssh.SFTPAttrs(permissions=0o700))
            names = sorted(os.listdir(local))  # noqa: PTH208  (names, not paths)
        except _BROKEN as problem:
            raise self._failure(local, remote, problem) from problem
        for name in names:
            await self._any(local / name, posixpath.join(remote, name))
        if made:  # last, as a folder may be read-only
            try:
                await self.sftp.chmod(remote, mode)
            except _BROKEN as problem:
                raise self._failure(local, remote, problem) from problem

    async def _link(self, local: Path, remote: str) -> None:
        temporary = temporary_name(remote)
        await self.sftp.symlink(os.readlink(local), temporary)  # noqa: PTH115  (kept as written)
        try:
            await self.sftp.posix_rename(temporary, remote)
        except BaseException:
            with suppress(asyncssh.Error, OSError):
                await self.sftp.remove(temporary)
            raise
        self.tally.copied()

    def _failure(self, local: Path, remote: str, problem: Exception) -> MachineError:
        if isinstance(problem, asyncssh.ConnectionLost | asyncssh.SFTPConnectionLost):
            return failures.lost(self.path, problem)
        return failures.put_failed(self.path, local, remote, problem)
