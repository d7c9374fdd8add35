"""Which CPUs serve a block device, read from its multi-queue map.

`/sys/block/DEV/mq/N/cpu_list` names the CPUs of hardware queue N
(Linux, Documentation/ABI/stable/sysfs-block). Linux prints `0, 1`; `0-3` is accepted as well, the
kernel's usual notation for CPU lists. A queue that serves no CPU has an empty file.
"""

import re
from collections.abc import Iterable

from nestlab.errors import WorkloadError

CPU_LIMIT = 1 << 14
"""Above every kernel's NR_CPUS (8192 on x86-64); a guest must not make us count to a billion."""

_PART = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?", re.ASCII)


def cpus_of_queues(texts: Iterable[str]) -> frozenset[int]:
    """The CPUs named by the `cpu_list` files of one device; their number is fio's `numjobs`.

    Raises WorkloadError (`workload.unreadable-queue-map`) when a text is not a CPU list or when
    no CPU is named at all.
    """
    cpus = frozenset(cpu for text in texts for cpu in _cpus(text))
    if not cpus:
        raise _unreadable("the block device names no CPU in its queue map")
    return cpus


def _cpus(text: str) -> Iterable[int]:
    if not text.strip():
        return
    for part in text.split(","):
        match = _PART.fullmatch(part.strip())
        first = int(match[1]) if match else CPU_LIMIT
        last = int(match[2] or match[1]) if match else CPU_LIMIT
        if not first <= last < CPU_LIMIT:
            raise _unreadable(f"{text[:80]!r} is not a list of CPUs")
        yield from range(first, last + 1)


def _unreadable(message: str) -> WorkloadError:
    return WorkloadError(
        "workload.unreadable-queue-map",
        message,
        hint="look at /sys/block/*/mq/*/cpu_list on that machine",
    )
