"""A machine whose programs run as root there."""

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nestlab.deadline import Deadline
from nestlab.enable.elevation import Elevation, as_root
from nestlab.machine.protocol import OUTPUT_LIMIT, Address, Completed, Machine

_WITH_STDIN = 'exec "$@"'


@dataclass(frozen=True)
class RootMachine:
    """Another machine's programs with sudo in front; files and sockets stay those of its user."""

    machine: Machine
    elevate: Elevation

    @property
    def path(self) -> str:
        """The address within a lab."""
        return self.machine.path

    async def run(
        self,
        argv: Sequence[str],
        *,
        deadline: Deadline,
        stdin: bytes = b"",
        limit: int = OUTPUT_LIMIT,
    ) -> Completed:
        """See `Machine.run`; a program that is not there ends with status 127."""
        return await as_root(
            self.machine,
            self.elevate,
            _WITH_STDIN,
            *argv,
            deadline=deadline,
            data=stdin,
            limit=limit,
        )

    async def put(self, local: Path, remote: str, *, mode: int = 0o600) -> None:
        """See `Machine.put`."""
        await self.machine.put(local, remote, mode=mode)

    async def get(self, remote: str, local: Path) -> None:
        """See `Machine.get`."""
        await self.machine.get(remote, local)

    async def dial(self, address: Address) -> socket.socket:
        """See `Machine.dial`."""
        return await self.machine.dial(address)

    async def close(self) -> None:
        """See `Machine.close`."""
        await self.machine.close()
