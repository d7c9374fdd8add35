"""A guest's serial console while it boots: what it says is untrusted, bounded and cleaned."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Callable

from nestlab.errors import MachineError

READY = "nestlab: ready"
"""Printed by the image's init as soon as sshd listens."""

_PANIC = re.compile(r"Kernel panic - not syncing: .*")
_STAGE = re.compile(r"nestlab: ([a-z ]{1,40})")
_LINE_LIMIT = 4096
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def clean(text: str) -> str:
    """Text of a guest without terminal sequences and control characters, at most 4096 long."""
    return _CONTROL.sub("", text)[:_LINE_LIMIT]


def find_panic(text: str) -> str | None:
    """The kernel's last words in a console log, or None."""
    match = _PANIC.search(clean_lines(text))
    return match[0].strip() if match else None


def clean_lines(text: str) -> str:
    """A whole log, line by line."""
    return "\n".join(clean(line) for line in text.splitlines())


async def watch_boot(sock: socket.socket, path: str, stage: Callable[[str], None]) -> None:
    """Follow the console until the guest says that it is ready; tell its stages on the way.

    Returns when the ready line came; also when the console closes, since another witness (the
    monitor) knows better why. Raises MachineError `guest.panicked` at once: the deadline is not
    waited for. Closes the socket, as a connected reader that stopped reading would stall the guest.
    """
    try:
        async for line in _lines(sock):
            if READY in line:
                return
            if panic := find_panic(line):
                raise panicked(path, panic)
            if match := _STAGE.search(line):
                stage(match[1])
    finally:
        sock.close()


def panicked(path: str, words: str) -> MachineError:
    """The error for a guest whose kernel gave up."""
    return MachineError(
        "guest.panicked",
        f"the kernel of {path} panicked: {words}",
        where=f"{path}, while booting it",
        hint="the console log has the trace; more memory or another image may help",
    )


async def _lines(sock: socket.socket) -> AsyncIterator[str]:
    loop = asyncio.get_running_loop()
    pending = b""
    while data := await _more(loop, sock):
        *lines, pending = (pending + data).split(b"\n")
        pending = pending[-_LINE_LIMIT:]
        for line in lines:
            yield clean(line.decode("utf-8", "backslashreplace"))


async def _more(loop: asyncio.AbstractEventLoop, sock: socket.socket) -> bytes:
    """What came, or nothing when the console closed: a killed QEMU may reset the connection."""
    try:
        return await loop.sock_recv(sock, 65536)
    except OSError:
        return b""
