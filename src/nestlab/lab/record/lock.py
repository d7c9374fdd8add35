"""One nestlab at a time changes a lab: flock(2), which a killed holder lets go."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from nestlab.errors import UsageError

_FILE = "lock"
_BLINK = 0.5
"""Seconds for which a lock may be taken by one who only looks whether it is."""


@contextmanager
def hold(folder: Path, called: str) -> Iterator[None]:
    """Hold a lab's lock; its file says by which process.

    called  how the user calls the lab

    Raises UsageError `lab.busy` with the holder's pid; OSError.
    """
    with (folder / _FILE).open("a+b") as file:
        if not _taken(file):
            pid = _pid_in(file)
            raise UsageError(
                "lab.busy",
                f"process {pid or 'unknown'} is at work on lab {called}",
                hint="wait until it has ended" + (f", or stop it: `kill {pid}`" if pid else ""),
            )
        file.truncate(0)
        file.write(b"%d\n" % os.getpid())
        file.flush()
        yield


def holder(folder: Path) -> int | None:
    """The process that holds a lab's lock; None when nobody does; 0 when it has not said yet."""
    try:
        with (folder / _FILE).open("rb") as file:
            if _try(file, fcntl.LOCK_SH):
                return None
            return _pid_in(file) or 0
    except FileNotFoundError:
        return None


def _taken(file: BinaryIO) -> bool:
    until = time.monotonic() + _BLINK
    while not _try(file, fcntl.LOCK_EX):
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


def _try(file: BinaryIO, how: int) -> bool:
    try:
        fcntl.flock(file.fileno(), how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _pid_in(file: BinaryIO) -> int | None:
    file.seek(0)
    text = file.read(32).strip()
    return int(text) if text.isdigit() else None
