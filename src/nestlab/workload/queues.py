"""Which CPUs serve a block device, read from its multi-queue map.

`/sys/block/DEV/mq/N/cpu_list` names the CPUs of hardware queue N
(Linux, Documentation/ABI/stable/sysfs-block). Linux prints `0, 1`; `0-3` is accepted as well, the
kernel's usual notation for CPU lists. A queue that serves no CPU has an empty file.
"""

import re
from collections.abc import Iterable

CPU_LIMIT = 1 << 14
"""Above every kernel's NR_CPUS (8192 on x86-64); a guest must not make us count to a billion."""

_PART = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?", re.ASCII)


def cpus_of_queues(texts: Iterable[str]) -> frozenset[int] | None:
    """The CPUs named by the `cpu_list` files of one device; their number is fio's `numjobs`.

    None when a text is not a CPU list or when no CPU is named at all.
    """
    try:
        return frozenset(cpu for text in texts for cpu in _cpus(text)) or None
    except ValueError:
        return None


def _cpus(text: str) -> Iterable[int]:
    if not text.strip():
        return
    for part in text.split(","):
        match = _PART.fullmatch(part.strip())
        first = int(match[1]) if match else CPU_LIMIT
        last = int(match[2] or match[1]) if match else CPU_LIMIT
        if not first <= last < CPU_LIMIT:
            raise ValueError
        yield from range(first, last + 1)
