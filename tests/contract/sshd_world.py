"""The world behind SSH: a real sshd on loopback."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh

from machine_worlds import Subject, real_subject, soon
from nestlab.machine.local import LocalMachine
from nestlab.machine.protocol import Machine
from nestlab.machine.ssh import SshMachine, open_ssh


@dataclass
class Sshd:
    """A real sshd on loopback, and the keys around it."""

    pid: int
    port: int
    username: str
    host_key: str
    client_key: asyncssh.SSHKey = field(repr=False)

    async def log_in(
        self,
        parent: Machine,
        *,
        path: str = "l1",
        client_key: asyncssh.SSHKey | None = None,
        host_key: str | None = None,
    ) -> SshMachine:
        return await open_ssh(
            path=path,
            sock=await parent.dial(("127.0.0.1", self.port)),
            username=self.username,
            client_key=client_key or self.client_key,
            host_key=host_key or self.host_key,
            deadline=soon(),
        )

    @contextlib.asynccontextmanager
    async def open(self, folder: Path) -> AsyncIterator[Subject]:
        machine = await self.log_in(LocalMachine())
        yield real_subject(machine, folder, self.kill_sessions)
        await machine.close()

    def kill_sessions(self) -> None:
        """End the sshd processes of all connections; what they started goes on."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        for child in children.split():
            os.kill(int(child), signal.SIGKILL)


@contextlib.contextmanager
def running_sshd(
    folder: Path, program: str, *settings: str, environment: str = ""
) -> Iterator[Sshd]:
    """A server of its own configuration, on a free port, ended by its pid.

    environment  what its logins get: `NAME=value NAME=value`
    """
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd refuses to start without it
    host, client = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    host.write_private_key(folder / "host_key")
    (folder / "host_key").chmod(0o600)
    client.write_public_key(folder / "authorized_keys")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (folder / "config").write_text(
        _SSHD_CONFIG.format(folder=folder, port=port, environment=environment) + "\n".join(settings)
    )
    argv = [program, "-D", "-e", "-f", str(folder / "config")]
    with (folder / "log").open("wb") as log, subprocess.Popen(argv, stderr=log) as server:
        try:
            _wait_for_port(port, folder / "log")
            user = subprocess.run(["id", "-un"], check=True, capture_output=True, text=True)
            host_key = host.export_public_key().decode()
            yield Sshd(server.pid, port, user.stdout.strip(), host_key, client)
        finally:
            server.terminate()


_SSHD_CONFIG = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/authorized_keys
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
Subsystem sftp internal-sftp
SetEnv SHLVL=2 {environment}
"""
"""SHLVL keeps bash from reading the developer's .bashrc, as it does for the first shell of sshd."""


def _wait_for_port(port: int, log: Path) -> None:
    deadline = soon()
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        if deadline.expired:
            sys.exit(f"sshd does not listen: {log.read_text()}")
        time.sleep(0.02)
