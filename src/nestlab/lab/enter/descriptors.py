"""Our own descriptors within an event loop: terminal, pipe or file, as they were given to us.

Blocking flags belong to the open file, which the user's shell shares, so they are left alone:
threads wait, and can be told to stop.
"""

import asyncio
import contextlib
import os
import select
import threading
from collections.abc import Awaitable, Callable

_READ = 64 * 1024
_WRITE = select.PIPE_BUF
"""Bytes that a pipe takes without blocking once it is writable (pipe(7))."""
_GLANCE = 200
"""Milliseconds between looks at whether a writer is still wanted."""


async def read_on(descriptor: int, take: Callable[[bytes], Awaitable[None]]) -> None:
    """Hand on what comes, then one empty chunk for its end; a closed descriptor is at its end."""
    wake, waker = os.pipe()
    reading: asyncio.Future[bytes] | None = None
    try:
        while True:
            reading = asyncio.ensure_future(asyncio.to_thread(_next, descriptor, wake))
            data = await asyncio.shield(reading)
            await take(data)
            if not data:
                return
    finally:
        os.close(waker)
        if reading is not None:
            await asyncio.wait([reading])
        os.close(wake)


def _next(descriptor: int, wake: int) -> bytes:
    """The next bytes, or none at the end and when the other end of `wake` is closed."""
    both = select.poll()
    both.register(wake, select.POLLIN)
    both.register(descriptor, select.POLLIN)
    while True:
        ready = dict(both.poll())
        if wake in ready:
            return b""
        with contextlib.suppress(BlockingIOError):
            try:
                return os.read(descriptor, _READ)
            except BlockingIOError:
                raise
            except OSError:
                return b""  # closed, or a terminal that hung up


async def write_all(descriptor: int, data: bytes) -> None:
    """Write everything; when it is cancelled, the rest is left. Raises OSError."""
    unwanted = threading.Event()
    try:
        await asyncio.to_thread(_write, descriptor, data, unwanted)
    finally:
        unwanted.set()


def _write(descriptor: int, data: bytes, unwanted: threading.Event) -> None:
    left = memoryview(data)
    writable = select.poll()
    writable.register(descriptor, select.POLLOUT)
    while left and not unwanted.is_set():
        if writable.poll(_GLANCE):
            with contextlib.suppress(BlockingIOError):
                left = left[os.write(descriptor, left[:_WRITE]) :]
