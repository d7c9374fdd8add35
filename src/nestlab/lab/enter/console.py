"""The serial console of a guest, on our own terminal."""

import asyncio
import posixpath
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager

from nestlab.deadline import Deadline
from nestlab.lab.access.parent import reach_parent
from nestlab.lab.enter.descriptors import read_on, write_all
from nestlab.lab.record.naming import Found
from nestlab.machine.tasks import TaskSet

DETACH = b"\x1d"
"""Ctrl-], as telnet and virsh have it."""
_CHUNK = 64 * 1024
_LOGIN_PATIENCE = 60.0


async def attach(found: Found, *, stdin: int = 0, stdout: int = 1) -> bool:
    """Carry bytes both ways until Ctrl-] (True) or until the console closes (False).

    QEMU serves one reader at a time: a second one sees nothing until the first has gone. Raises
    MachineError `machine.refused` when no QEMU of the guest listens, and what reaching its parent
    raises.
    """
    deadline = Deadline.after(_LOGIN_PATIENCE)
    async with reach_parent(found, deadline=deadline) as machine:
        console = await machine.dial(posixpath.join(found.guest.sockets, "console"))
        reader, writer = await asyncio.open_connection(sock=console)
        detached = asyncio.Event()

        async def typed(data: bytes) -> None:
            before, key, _ = data.partition(DETACH)
            if before and not detached.is_set():
                writer.write(before)
                await writer.drain()
            if key or not data:
                detached.set()

        async def printed() -> None:
            while data := await reader.read(_CHUNK):
                await write_all(stdout, data)

        tasks = TaskSet()
        try:
            with raw_terminal(stdin):
                closed = tasks.spawn(printed())
                left = tasks.spawn(detached.wait())
                typing = tasks.spawn(read_on(stdin, typed))
                await asyncio.wait({closed, left, typing}, return_when=asyncio.FIRST_COMPLETED)
                return left.done() or detached.is_set()
        finally:
            await tasks.cancel_all()
            writer.transport.abort()


@contextmanager
def raw_terminal(descriptor: int) -> Iterator[None]:
    """Keys go through one by one, Ctrl-C too; what the terminal was before comes back."""
    before = termios.tcgetattr(descriptor)
    try:
        tty.setraw(descriptor, termios.TCSADRAIN)
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
