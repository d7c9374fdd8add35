"""The QMP monitor of one guest, over whatever carries the socket."""

import asyncio
import re
import socket
from types import TracebackType
from typing import Protocol, Self

from qemu.qmp import ExecuteError, QMPClient, QMPError
from qemu.qmp.protocol import Runstate

from nestlab.errors import MachineError

_FORWARD = re.compile(r"TCP\[HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(\d+)\s+[\d.]+\s+22\s", re.ASCII)

ROOT = "root"
"""The drive with a guest's own system."""

_POLL = 0.02
"""Seconds between two looks at a migration."""


class GuestMonitor(Protocol):
    """What a boot asks of a guest's QEMU, whatever carries the question."""

    async def resume(self) -> None:
        """Let the paused guest run."""
        ...

    async def ended(self) -> None:
        """Return when QEMU has gone."""
        ...

    async def kvm_enabled(self) -> bool:
        """Whether QEMU really uses KVM."""
        ...

    async def version(self) -> str:
        """QEMU's version: `7.2.22`."""
        ...

    async def ssh_port(self) -> int:
        """The port of the machine's loopback that leads to the guest's port 22."""
        ...

    async def root_size(self) -> int:
        """Bytes of the root disk as the guest sees it."""
        ...

    async def resize_root(self, size: int) -> None:
        """Give the root disk this many bytes while the guest runs."""
        ...


class Monitor:
    """An open QMP session; use it as an async context manager."""

    def __init__(self, path: str, sock: socket.socket) -> None:
        self._path = path
        self._sock = sock
        self._client = QMPClient(path)

    async def __aenter__(self) -> Self:
        try:
            await self._client.connect(self._sock)
        except (QMPError, OSError, EOFError) as problem:
            self._sock.close()
            raise self._lost(str(problem)) from problem
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            await self._client.disconnect()
        except (QMPError, OSError, EOFError):
            # The session is over either way; that QEMU is gone is checked by its process.
            self._sock.close()

    async def execute(self, command: str, arguments: dict[str, object] | None = None) -> object:
        """Run one QMP command; raises MachineError `qmp.failed` or `qmp.lost`."""
        try:
            return await self._client.execute(command, arguments)
        except ExecuteError as problem:
            raise MachineError(
                "qmp.failed",
                f"QEMU refused {command}: {problem}",
                where=f"{self._path}, over its monitor",
            ) from problem
        except (QMPError, OSError, EOFError) as problem:
            raise self._lost(str(problem)) from problem

    async def ended(self) -> None:
        """Return when QEMU has closed the session, that is, when it has gone."""
        while self._client.runstate is Runstate.RUNNING:
            await self._client.runstate_changed()

    async def kvm_enabled(self) -> bool:
        """`query-kvm`: whether QEMU really uses KVM (QEMU docs/interop/qmp)."""
        answer = await self.execute("query-kvm")
        return isinstance(answer, dict) and answer.get("enabled") is True

    async def version(self) -> str:
        """QEMU's version: `7.2.22`."""
        return version_in(await self.execute("query-version"))

    async def machine_type(self) -> str:
        """The versioned machine type: `pc-q35-7.2-machine`; `unknown` when QEMU does not say."""
        answer = await self.execute("qom-get", {"path": "/machine", "property": "type"})
        return answer if isinstance(answer, str) else "unknown"

    async def migrated(self) -> None:
        """Return when a migration in either direction has completed (QEMU qapi/migration.json).

        Raises MachineError `qmp.failed` with QEMU's reason when it failed.
        """
        while True:
            answer = await self.execute("query-migrate")
            found = answer if isinstance(answer, dict) else {}
            status = found.get("status")
            if status == "completed":
                return
            if status in ("failed", "cancelled") or not isinstance(answer, dict):
                raise MachineError(
                    "qmp.failed",
                    f"the migration {status}: {found.get('error-desc', 'QEMU gives no reason')}",
                    where=f"{self._path}, over its monitor",
                )
            await asyncio.sleep(_POLL)

    async def ssh_port(self) -> int:
        """The port of the machine's loopback that leads to the guest's port 22.

        Raises MachineError `qmp.failed`.
        """
        answer = await self.execute("human-monitor-command", {"command-line": "info usernet"})
        return forwarded_port(answer, self._path)

    async def root_size(self) -> int:
        """Bytes of the root disk (`query-block`); raises MachineError `qmp.failed`."""
        answer = await self.execute("query-block")
        for each in answer if isinstance(answer, list) else ():
            if isinstance(each, dict) and each.get("device") == ROOT:
                size = each.get("inserted", {}).get("image", {}).get("virtual-size")
                if isinstance(size, int):
                    return size
        raise MachineError(
            "qmp.failed",
            "QEMU names no size of the root disk",
            where=f"{self._path}, over its monitor",
        )

    async def resize_root(self, size: int) -> None:
        """`block_resize` (QEMU qapi/block-core.json)."""
        await self.execute("block_resize", {"device": ROOT, "size": size})

    async def resume(self) -> None:
        """Let a paused guest run."""
        await self.execute("cont")

    def _lost(self, reason: str) -> MachineError:
        return MachineError(
            "qmp.lost",
            f"the monitor of {self._path} is gone: {reason or 'closed'}",
            where=f"{self._path}, over its monitor",
        )


def version_in(answer: object) -> str:
    """QEMU's version in its answer to `query-version` (pure)."""
    parts = answer.get("qemu") if isinstance(answer, dict) else None
    if not isinstance(parts, dict):
        return "unknown"
    return ".".join(str(parts.get(key)) for key in ("major", "minor", "micro"))


def forwarded_port(answer: object, path: str) -> int:
    """The forwarded port in what `info usernet` says (pure).

    QEMU has this in the human monitor only, hence the strict pattern. Raises MachineError
    `qmp.failed`.
    """
    match = _FORWARD.search(answer) if isinstance(answer, str) else None
    if match is None:
        raise MachineError(
            "qmp.failed",
            "QEMU does not name the forwarded SSH port",
            where=f"{path}, over its monitor",
            notes=tuple(str(answer).splitlines()[:8]),
        )
    return int(match[1])
