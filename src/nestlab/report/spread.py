"""Median, loss, and their intervals by resampling. Pure, seeded, without NumPy."""

import random
import statistics
from collections.abc import Callable, Sequence
from typing import Literal

from nestlab.report.models import Loss

RESAMPLES = 1000

Values = Sequence[float]
Interval = tuple[float | None, float | None]


def loss(parent: float, child: float, better: Literal["higher", "lower"]) -> float:
    """The fraction lost on the way from parent to child; both must be above 0.

    1 - child/parent where higher is better, 1 - parent/child where lower is: 0 for equals, towards
    1 the worse the child is, below 0 when it is the better one.
    """
    return 1 - child / parent if better == "higher" else 1 - parent / child


def median_interval(values: Values, *, seed: str) -> Interval:
    """A 95 % percentile-bootstrap interval of the median; none for fewer than two values."""
    return _interval(statistics.median, [values], seed)


def loss_between(
    parent: Values, child: Values, better: Literal["higher", "lower"], *, seed: str
) -> Loss | None:
    """The loss of the medians, with its interval; None where a value is missing or not above 0."""
    if not parent or not child or min(*parent, *child) <= 0:
        return None

    def of_medians(above: Values, below: Values) -> float:
        return loss(statistics.median(above), statistics.median(below), better)

    low, high = _interval(of_medians, [parent, child], seed)
    return Loss(value=of_medians(parent, child), low=low, high=high)


def _interval(figure: Callable[..., float], groups: Sequence[Values], seed: str) -> Interval:
    if min(map(len, groups)) < 2:
        return (None, None)
    draw = random.Random(seed)  # noqa: S311 - resampling, not secrets
    drawn = [
        figure(*(draw.choices(group, k=len(group)) for group in groups)) for _ in range(RESAMPLES)
    ]
    cuts = statistics.quantiles(drawn, n=40, method="inclusive")
    return (cuts[0], cuts[-1])
