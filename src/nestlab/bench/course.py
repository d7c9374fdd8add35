"""How long is measured: so many rounds, or until every loss is known well enough (pure)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count

from nestlab.bench.rounds import WARM_UP
from nestlab.report.rows import rows
from nestlab.result.models import Result

ROUNDS, QUICK_ROUNDS = 5, 2
MOST = 50
"""Rounds after which `until` gives up, unless told otherwise."""


@dataclass(frozen=True)
class Course:
    """The plan of rounds.

    rounds   at least so many
    warm_up  whether a round comes before them that does not count
    until    go on until the 95 % interval of each loss is narrower than this, a fraction
    most     with `until`: at most so many rounds
    """

    rounds: int = ROUNDS
    warm_up: bool = True
    until: float | None = None
    most: int = MOST

    @property
    def planned(self) -> int:
        """How many rounds there will be at least, with the warm-up."""
        return self.rounds + self.warm_up

    def numbers(self, so_far: Callable[[], Result]) -> Iterator[int]:
        """The rounds' numbers; `so_far` is asked before each that may not be needed."""
        if self.warm_up:
            yield WARM_UP
        for number in count(1):
            if number > self.rounds and not self._goes_on(number, so_far):
                return
            yield number

    def _goes_on(self, number: int, so_far: Callable[[], Result]) -> bool:
        if self.until is None or number > self.most:
            return False
        width = widest(so_far())
        return width is not None and width >= self.until


def widest(result: Result) -> float | None:
    """The width of the widest interval of a loss against the parent; None: there is no interval.

    A loss of which there are samples too few for an interval is not known at all: infinity.
    """
    losses = [row.step_loss for row in rows(result).rows if row.step_loss]
    widths = [
        float("inf") if loss.low is None or loss.high is None else loss.high - loss.low
        for loss in losses
    ]
    return max(widths, default=None)
