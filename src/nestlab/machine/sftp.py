"""Files over SFTP, whole or not at all.

Left to itself, asyncssh copies a link as a link, and takes a file for sparse, in which case it does
not notice when it copied less than it should.

Import this only where a machine behind SSH is used already, because it imports asyncssh.
"""

import contextlib
from collections.abc import Callable
from pathlib import Path

import asyncssh

from nestlab.machine.replacement import replacing, temporary_name

Watch = Callable[[bytes, bytes, int, int], None]
"""Told the source, the target, bytes copied, bytes in all."""


async def put_whole(
    sftp: asyncssh.SFTPClient, local: Path, remote: str, mode: int, watch: Watch | None = None
) -> None:
    """Through a temporary that only its owner reads, until it is complete and has its mode.

    Raises OSError, asyncssh.Error.
    """
    temporary = temporary_name(remote)
    private = asyncssh.SFTPAttrs(permissions=0o600)
    async with await sftp.open(temporary, "xb", private):
        pass  # `put` below keeps the mode of a file that is there
    try:
        await sftp.put(local, temporary, follow_symlinks=True, sparse=False, progress_handler=watch)
        await sftp.chmod(temporary, mode)
        await sftp.posix_rename(temporary, remote)
    except BaseException:
        with contextlib.suppress(asyncssh.Error, OSError):
            await sftp.remove(temporary)
        raise


async def get_whole(
    sftp: asyncssh.SFTPClient, remote: str, local: Path, watch: Watch | None = None
) -> None:
    """The permission bits come along. Raises OSError, ValueError, asyncssh.Error."""
    with replacing(local) as temporary:
        await sftp.get(
            remote, temporary, follow_symlinks=True, sparse=False, progress_handler=watch
        )
        mode = (await sftp.stat(remote)).permissions or 0o600
        temporary.chmod(mode & 0o777)
