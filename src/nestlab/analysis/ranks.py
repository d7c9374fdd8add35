"""Which ranks bound a 95 % interval, whatever the distribution is.

Nothing here knows a value: how often the truth lies between two ranks is a matter of counting.
Levels that are no level of a pair of ranks are met by interpolation between two pairs.
"""

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]

LEVEL = 0.95
Z = 1.959963984540054
"""Two-sided 95 % of the normal distribution."""

LARGE = 50
"""Samples beyond which a rank more or less does not matter, and the normal distribution counts."""


class Ranks(NamedTuple):
    """The interval from the `first` lowest value to the `first` highest, counted from 1.

    inward  the part of the way to the next value inside that each end goes on
    """

    first: int
    inward: float = 0.0


def between(values: Values, ranks: Ranks) -> tuple[float, float]:
    """The interval of these ranks; the values may come in any order."""
    n, outer = len(values), ranks.first - 1
    inner = min(outer + 1, n - 1)
    ranked = np.partition(values, sorted({outer, inner, n - 1 - inner, n - 1 - outer}))
    low, high = float(ranked[outer]), float(ranked[n - 1 - outer])
    # this form stays exact where the two values are equal
    return (
        low + ranks.inward * (float(ranked[inner]) - low),
        high - ranks.inward * (high - float(ranked[n - 1 - inner])),
    )


@lru_cache
def of_median(n: int) -> Ranks:
    """Ranks of n values that bound their distribution's median.

    The k-th lowest and highest enclose it with the binomial distribution's probability (Conover,
    *Practical Nonparametric Statistics*, section 3.2). Between two k the interpolation is that of
    Hettmansperger and Sheather, *Confidence intervals based on interpolated order statistics*,
    Statistics & Probability Letters 4, 1986, which hardly depends on the distribution. Five values
    reach at most 1 - 2 / 2^5 = 93.75 %, four 87.5 % and three 75 %: their range is all there is.
    """
    if n > LARGE:
        reach = Z * math.sqrt(n) / 2
        return Ranks(max(math.floor(n / 2 - reach), 1))
    first, part = _meet([math.comb(n, below) for below in range(n // 2)], 2**n)
    return Ranks(first, (n - first) * part / (first + (n - 2 * first) * part))


def _meet(counts: list[int], total: int) -> tuple[int, float]:
    """The last k whose interval holds 95 %, and how far it is from there to that of k + 1.

    counts  of the cases that the interval of 1, 2, … misses more than the one before, on one side
    total   number of all cases
    """
    missed, outside = 0, 0.0
    for k, count in enumerate(counts):
        missed += count
        outside, before = 2 * missed / total, outside
        if outside > 1 - LEVEL:
            return (k, (1 - LEVEL - before) / (outside - before)) if k else (1, 0.0)
    return len(counts), 0.0
