"""A scripted QEMU at the other end of a monitor socket (QEMU docs/interop/qmp-spec)."""

import asyncio
import json
import socket
from collections.abc import Mapping
from typing import Any, Final

GREETING: Final = {
    "QMP": {
        "version": {"qemu": {"major": 7, "minor": 2, "micro": 22}, "package": "Debian"},
        "capabilities": ["oob"],
    }
}
USERNET: Final = """\
Hub -1 (net):
  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ
  TCP[HOST_FORWARD]  14       127.0.0.1 34567      10.96.0.15    22     0     0
"""
EVENT: Final = {"event": "RESUME", "timestamp": {"seconds": 1, "microseconds": 2}}
ANSWERS: Final[dict[str, Any]] = {
    "qmp_capabilities": {},
    "query-kvm": {"enabled": True, "present": True},
    "query-version": GREETING["QMP"]["version"],
    "human-monitor-command": USERNET,
    "cont": {},
    "stop": {},
    "qom-get": "pc-q35-7.2-machine",
    "query-block": [],
    "migrate-set-parameters": {},
    "migrate": {},
    "migrate-incoming": {},
    "migrate_cancel": {},
    "query-migrate": {"status": "completed"},
    "quit": {},
}


class Refuses:
    """An answer that is an error."""

    def __init__(self, words: str) -> None:
        self.words = words


class InTurn:
    """An answer that changes: each is given once, the last one for ever."""

    def __init__(self, *replies: Any) -> None:
        self._replies = list(replies)

    def next(self) -> Any:
        """The next reply."""
        return self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]


HANG_UP: Final = object()
"""An answer that is none: the socket is closed instead."""


class Peer:
    """Serves one connection after the other; `asked` has the commands in order.

    arguments  those of each command, the last time that it was given
    """

    def __init__(self, answers: Mapping[str, Any] | None = None, *, greeting: Any = None) -> None:
        self.answers = {**ANSWERS, **(answers or {})}
        self.greeting = GREETING if greeting is None else greeting
        self.asked: list[str] = []
        self.arguments: dict[str, Any] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Greet, then answer until either side is done."""
        if self.greeting is HANG_UP:
            writer.close()
            return
        words = self.greeting if isinstance(self.greeting, bytes) else _line(self.greeting)
        writer.write(words)
        # like QEMU's, the client's messages are not lines: a whole one comes in one packet here
        while message := await reader.read(65536):
            asked = json.loads(message)
            self.asked.append(asked["execute"])
            self.arguments[asked["execute"]] = asked.get("arguments")
            reply = self.answers[asked["execute"]]
            if isinstance(reply, InTurn):
                reply = reply.next()
            if reply is HANG_UP:
                break
            if isinstance(reply, Refuses):
                body = {"error": {"class": "GenericError", "desc": reply.words}}
            else:
                body = {"return": reply}
            writer.write(_line({**body, "id": asked.get("id")}) + _line(EVENT))
        writer.close()

    async def connect(self) -> tuple[socket.socket, asyncio.Task[None]]:
        """Our end of a new socket pair, and the peer's work on the other."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        reader, writer = await asyncio.open_connection(sock=theirs)
        return ours, asyncio.create_task(self.serve(reader, writer))


def _line(message: object) -> bytes:
    return json.dumps(message).encode() + b"\r\n"
