"""A lab's machine as what it is: one behind SSH, with its connection.

Import this only where a machine is opened: asyncssh costs time that `--help` must not pay.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncssh

from nestlab.deadline import Deadline
from nestlab.lab.access.reach import reach
from nestlab.lab.record.naming import Found
from nestlab.machine import failures
from nestlab.machine.protocol import Machine
from nestlab.machine.ssh import SshMachine

LOGIN_PATIENCE = 60.0
"""Seconds for logging in on a machine and all of its ancestors; emulated ones take their time."""


@asynccontextmanager
async def inside(found: Found) -> AsyncIterator[SshMachine]:
    """A machine that is up. Raises what `reach` raises."""
    deadline = Deadline.after(LOGIN_PATIENCE)
    async with reach(found.folder, found.state, found.guest.path, deadline=deadline) as machine:
        yield behind_ssh(machine)


def behind_ssh(machine: Machine) -> SshMachine:
    """Every machine of a lab is. Raises TypeError for another one."""
    if not isinstance(machine, SshMachine):
        raise TypeError(f"{machine.path} is not behind SSH")
    return machine


@asynccontextmanager
async def files_of(machine: SshMachine) -> AsyncIterator[asyncssh.SFTPClient]:
    """Its files; names that are not UTF-8 are those that `os.fsdecode` gives.

    Raises MachineError `machine.lost`, `ssh.session-refused`.
    """
    try:
        sftp = await machine.connection.start_sftp_client(path_errors="surrogateescape")
    except (asyncssh.Error, OSError) as problem:
        lost = machine.connection.is_closed()
        words = failures.lost if lost else failures.session_refused
        raise words(machine.path, problem) from problem
    try:
        yield sftp
    finally:
        sftp.exit()
        await sftp.wait_closed()
