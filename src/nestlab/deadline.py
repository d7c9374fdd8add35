"""One deadline, made at the edge and checked everywhere below it."""

import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Deadline:
    """A point on the monotonic clock of the controller (seconds)."""

    at: float
    allowed: float

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        """A deadline `seconds` from now."""
        return cls(time.monotonic() + seconds, seconds)

    @property
    def remaining(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self.at - time.monotonic())

    @property
    def expired(self) -> bool:
        """Whether no time is left."""
        return self.remaining == 0.0

    def within(self, seconds: float) -> "Deadline":
        """The nearer of this deadline and one `seconds` from now."""
        nearer = Deadline.after(seconds)
        return nearer if nearer.at < self.at else self
