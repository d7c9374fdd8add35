"""How long the rest of a bench will take, from what its parts took so far (pure)."""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field, replace

from nestlab.errors import WorkloadError
from nestlab.workload.protocol import Case, Envelope, Peer, Workload
from nestlab.workload.startable import Startable

OVERHEAD = 2.0
"""Seconds around a run that nobody has seen yet: its start, its end, dropping caches."""

_ANYBODY = Peer("", "127.0.0.1", 1)
_ANYTHING = Startable((), (), "/", "/", "/", "/", "/")


def expected_seconds(workload: Workload, case: Case, envelope: Envelope) -> float:
    """How long a case works when all is well; 0 for one that this envelope cannot run."""
    try:
        command = workload.command(case, replace(envelope, peer=_ANYBODY, guest=_ANYTHING))
    except WorkloadError:
        return 0.0
    return command.expected_seconds


@dataclass
class Estimate:
    """Seconds of runs by what they are."""

    _seen: dict[Hashable, list[float]] = field(default_factory=dict)

    def saw(self, what: Hashable, seconds: float) -> None:
        """One more run, with all that is around it."""
        self._seen.setdefault(what, []).append(seconds)

    def of(self, whats: Iterable[tuple[Hashable, float]]) -> float:
        """Seconds that these will take; each with what is expected where none was seen yet."""
        return sum(self._one(what, expected) for what, expected in whats)

    def _one(self, what: Hashable, expected: float) -> float:
        seen = self._seen.get(what)
        return sum(seen) / len(seen) if seen else expected + OVERHEAD
