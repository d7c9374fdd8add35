"""Which block device is behind a folder, and the ancestors' caches."""

from nestlab.deadline import Deadline
from nestlab.machine.protocol import Machine
from nestlab.machine.shell import check

_DISK = """
source=$(findmnt -n -o SOURCE --target "$1") || exit 0
lsblk -n -r -s -o NAME,TYPE -- "$source" 2>/dev/null | awk '$2 == "disk" { print $1; exit }'
"""

_DROP = "sync; echo 3 >/proc/sys/vm/drop_caches"


async def disk_of(machine: Machine, folder: str, *, deadline: Deadline) -> str | None:
    """The disk that holds the folder, such as `vda`; None for tmpfs, overlays and the like."""
    done = await machine.run(("sh", "-c", _DISK, "sh", folder), deadline=deadline)
    return done.text.strip() or None


async def make_folder(machine: Machine, folder: str, *, deadline: Deadline) -> None:
    """Create a folder for the files of workloads."""
    argv = ("mkdir", "-p", "--", folder)
    await check(machine, argv, deadline=deadline, code="bench.folder-failed")


async def drop_caches(machine: Machine, *, deadline: Deadline) -> bool:
    """Write back and drop the page cache; false where that is not permitted."""
    done = await machine.run(("sh", "-c", _DROP), deadline=deadline)
    return done.ok
