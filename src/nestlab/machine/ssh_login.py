"""Logging in: exactly one key of ours, exactly one key of theirs, nothing else.

Imported by `ssh.py` alone, because it imports asyncssh.
"""

import asyncio
import socket
from pathlib import Path

import asyncssh

from nestlab.deadline import Deadline
from nestlab.errors import MachineError
from nestlab.units import format_duration

KEX = ("curve25519-sha256",)
CIPHERS = ("aes128-gcm@openssh.com", "chacha20-poly1305@openssh.com")
"""The cheapest that every OpenSSH since 6.5 has: guests may compute them on an emulated CPU.
Both authenticate by themselves, so no MAC is computed on top."""

KEEPALIVE_INTERVAL, KEEPALIVE_COUNT = 20, 3
"""Seconds between questions to a silent peer, and unanswered ones: a dead peer is noticed within
80 s. Not less, because an emulated guest under load may well be silent for half a minute."""

PrivateKey = asyncssh.SSHKey | str | Path
"""A key, or the path of one."""


async def log_in(
    path: str,
    sock: socket.socket,
    username: str,
    client_key: PrivateKey,
    host_key: str,
    *,
    deadline: Deadline,
) -> asyncssh.SSHClientConnection:
    """See `open_ssh`."""
    try:
        async with asyncio.timeout(deadline.remaining):
            return await _connect(path, sock, username, client_key, host_key)
    except TimeoutError:
        sock.close()
        raise _login_deadline(path, username, deadline) from None
    except (asyncssh.Error, OSError, ValueError) as problem:
        sock.close()
        raise _login_failure(path, username, problem) from problem
    except BaseException:
        sock.close()
        raise


async def _connect(
    path: str, sock: socket.socket, username: str, client_key: PrivateKey, host_key: str
) -> asyncssh.SSHClientConnection:
    if not isinstance(client_key, asyncssh.SSHKey):
        client_key = asyncssh.read_private_key(client_key)
    trusted = asyncssh.import_public_key(host_key)
    return await asyncssh.connect(
        host=path,  # only a name for messages; without one asyncssh asks the socket, in vain
        sock=sock,
        username=username,
        client_keys=[client_key],
        client_certs=[],
        known_hosts=([trusted], [], []),
        config=[],
        agent_path=None,
        pkcs11_provider=None,
        x509_trusted_certs=None,
        x509_trusted_cert_paths=[],
        preferred_auth="publickey",
        gss_kex=False,
        gss_auth=False,
        password_auth=False,
        kbdint_auth=False,
        host_based_auth=False,
        kex_algs=KEX,
        encryption_algs=CIPHERS,
        compression_algs=["none"],
        connect_timeout=None,
        login_timeout=0,  # the deadline is ours
        keepalive_interval=KEEPALIVE_INTERVAL,
        keepalive_count_max=KEEPALIVE_COUNT,
    )


def _login_deadline(path: str, username: str, deadline: Deadline) -> MachineError:
    return MachineError(
        "machine.deadline",
        f"no SSH login as {username} within {format_duration(deadline.allowed)}",
        where=f"{path}, while logging in",
    )


def _login_failure(path: str, username: str, problem: Exception) -> MachineError:
    code, hint = "ssh.connect-failed", None
    if isinstance(problem, asyncssh.HostKeyNotVerifiable):
        code = "ssh.host-key-mismatch"
        hint = (
            "another machine answers at that port; if it was rebuilt, boot it again through nestlab"
        )
    elif isinstance(problem, asyncssh.PermissionDenied):
        code = "ssh.auth-failed"
        hint = f"the key of this lab must be in the authorized_keys of {username}"
    return MachineError(
        code,
        f"no SSH login as {username}: {str(problem) or type(problem).__name__}",
        where=f"{path}, while logging in",
        hint=hint,
    )
