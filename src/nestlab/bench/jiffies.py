"""The first line of /proc/stat: what the CPUs of a machine spent their time on (proc(5))."""

from dataclasses import dataclass
from typing import Self

_IDLE, _IOWAIT, _STEAL, _COUNTED = 3, 4, 7, 8
"""Places of columns; those from `guest` on are in `user` already."""


@dataclass(frozen=True)
class Jiffies:
    """Ticks of all CPUs since the start, or between two moments."""

    columns: tuple[int, ...]

    @classmethod
    def read(cls, line: str) -> Self | None:
        """`cpu  10 20 …` with the eight columns of Linux 2.6.11 or more; else None."""
        name, *words = line.split() or [""]
        if name != "cpu" or len(words) < _COUNTED:
            return None
        if not all(word.isascii() and word.isdecimal() for word in words):
            return None
        return cls(tuple(int(word) for word in words[:_COUNTED]))

    def until(self, later: "Jiffies") -> "Jiffies":
        """What passed between two readings; a counter that went back passed nothing."""
        both = zip(self.columns, later.columns, strict=True)
        return Jiffies(tuple(max(0, after - before) for before, after in both))

    @property
    def steal(self) -> float | None:
        """The part that the hypervisor gave to others; None when no time passed."""
        return self._part(self.columns[_STEAL])

    @property
    def busy(self) -> float | None:
        """The part that was neither idle nor waiting for a disk; None when no time passed."""
        total = sum(self.columns)
        return self._part(total - self.columns[_IDLE] - self.columns[_IOWAIT])

    def _part(self, ticks: int) -> float | None:
        total = sum(self.columns)
        return round(ticks / total, 4) if total else None
