"""Room on the disk: asked for beforehand, and missed when it runs out all the same."""

import contextlib
import errno
import shutil
from collections.abc import Iterator
from pathlib import Path

from nestlab.image.failures import disk_full
from nestlab.units import format_size


def need_space(folder: Path, needed: int, doing: str) -> None:
    """Raises HostError `image.disk-full` before work that cannot end well.

    needed  bytes
    doing   what is done to the image: `building`
    """
    free = shutil.disk_usage(folder).free
    if free < needed:
        message = f"{doing} needs {format_size(needed)}, free: {format_size(free)}"
        raise disk_full(folder, message, doing=doing)


@contextlib.contextmanager
def noticing_a_full_disk(folder: Path, doing: str) -> Iterator[None]:
    """What the disk says to our own writes becomes HostError `image.disk-full`."""
    try:
        yield
    except OSError as problem:
        if problem.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        message = f"the disk filled up while {doing} the image"
        raise disk_full(folder, message, doing=doing) from problem
