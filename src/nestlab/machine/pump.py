"""Bytes carried between a local socket and some other stream, both ways."""

import asyncio
import socket
from collections.abc import Coroutine
from typing import Any, Protocol

_CHUNK = 64 * 1024


class Reader(Protocol):
    """What a pump reads from: an asyncio or an asyncssh reader."""

    async def read(self, n: int = ..., /) -> bytes:
        """At least one byte and at most n, or none at the end."""
        ...


class Writer(Protocol):
    """What a pump writes to: an asyncio or an asyncssh writer."""

    def write(self, data: bytes, /) -> None:
        """Take the bytes."""
        ...

    async def drain(self) -> None:
        """Wait until the other side keeps up."""
        ...

    def write_eof(self) -> None:
        """Say that no more bytes come; the other direction stays open."""
        ...

    def close(self) -> None:
        """Close both directions."""
        ...


async def pump(
    ours: socket.socket, reader: Reader, writer: Writer, broken: tuple[type[Exception], ...]
) -> None:
    """Carry bytes until both directions have ended, then close both streams.

    broken   what the other stream raises when its connection breaks; that ends both directions
    """
    local_reader, local_writer = await asyncio.open_connection(sock=ours)
    there, back = _carry(local_reader, writer), _carry(reader, local_writer)
    try:
        await _until_broken(there, back, broken)
    except asyncio.CancelledError:
        local_writer.transport.abort()  # do not wait for somebody to read what is left
        raise
    finally:
        writer.close()
        local_writer.close()


async def _until_broken(
    there: Coroutine[Any, Any, None],
    back: Coroutine[Any, Any, None],
    broken: tuple[type[Exception], ...],
) -> None:
    """Both to their ends; when one breaks, the other is cancelled."""
    try:
        async with asyncio.TaskGroup() as directions:
            directions.create_task(there)
            directions.create_task(back)
    except* broken:
        pass  # whoever holds the local end sees its end


async def _carry(reader: Reader, writer: Writer) -> None:
    """Carry one direction; waiting for `drain` is the back-pressure."""
    while data := await reader.read(_CHUNK):
        writer.write(data)
        await writer.drain()
    writer.write_eof()
