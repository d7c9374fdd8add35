"""Any machine of the user's, reached as `ssh` reaches it.

It reads ~/.ssh/config, the agent, the default keys and known_hosts, and asks for nothing: a host
whose key is not known is refused. Import this only where a machine is opened: asyncssh costs time.
"""

import asyncio
from pathlib import Path

import asyncssh

from nestlab.deadline import Deadline
from nestlab.errors import MachineError
from nestlab.machine.address import Address
from nestlab.machine.ssh import SshMachine
from nestlab.machine.ssh_login import KEEPALIVE_COUNT, KEEPALIVE_INTERVAL


async def open_remote(
    address: Address, *, deadline: Deadline, path: str | None = None
) -> SshMachine:
    """Log in as the user would; `path` is what the machine is called, its address if left out.

    Raises MachineError: `ssh.unreachable`, `ssh.host-key-unknown`, `ssh.host-key-mismatch`,
    `ssh.auth-failed`, `ssh.connect-failed`, `machine.deadline`.
    """
    try:
        async with asyncio.timeout(deadline.remaining):
            return SshMachine(path or str(address), await _connect(address))
    except TimeoutError:
        raise _failure(
            "machine.deadline",
            address,
            f"no SSH login within {deadline.allowed:g} s",
            f"see whether `{address.typed} true` gets through; a firewall may drop the packets",
        ) from None
    except asyncssh.HostKeyNotVerifiable as problem:
        raise _host_key(address, problem) from problem
    except asyncssh.PermissionDenied as problem:
        raise _failure(
            "ssh.auth-failed",
            address,
            f"it takes none of your keys: {problem.reason}",
            f"let `{address.typed} true` work without a password first (`ssh-copy-id`)",
        ) from problem
    except OSError as problem:
        raise _failure(
            "ssh.unreachable", address, str(problem), f"try `{address.typed} true`"
        ) from problem
    except (asyncssh.Error, ValueError) as problem:
        raise _failure(
            "ssh.connect-failed",
            address,
            str(problem) or type(problem).__name__,
            f"try `{address.typed} true`",
        ) from problem


async def _connect(address: Address) -> asyncssh.SSHClientConnection:
    # What is left out is taken from ~/.ssh/config; None would override it.
    given = {"username": address.user, "port": address.port}
    return await asyncssh.connect(
        address.host,
        **{name: value for name, value in given.items() if value is not None},
        preferred_auth="publickey",
        connect_timeout=None,
        login_timeout=0,  # the deadline is ours
        keepalive_interval=KEEPALIVE_INTERVAL,
        keepalive_count_max=KEEPALIVE_COUNT,
    )


def _host_key(address: Address, problem: asyncssh.HostKeyNotVerifiable) -> MachineError:
    """One word of asyncssh stands for an unknown key and for another's."""
    if _is_known(address):
        return _failure(
            "ssh.host-key-mismatch",
            address,
            "it shows another host key than the one in known_hosts",
            f"somebody may be in between; if it was rebuilt: `ssh-keygen -R {address.host}`",
        )
    return _failure(
        "ssh.host-key-unknown",
        address,
        problem.reason,
        f"log in once by hand and compare the fingerprint: `{address.typed}`",
    )


def _is_known(address: Address) -> bool:
    file = Path.home() / ".ssh" / "known_hosts"
    try:
        found = asyncssh.match_known_hosts(str(file), address.host, "", address.port)
    except (OSError, ValueError):
        return False
    return bool(found[0])


def _failure(code: str, address: Address, message: str, hint: str) -> MachineError:
    return MachineError(code, message, where=f"{address}, while logging in", hint=hint)
