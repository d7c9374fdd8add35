"""The median of samples and its 95 % interval, from ranks alone (see `ranks.py`)."""

import math

import numpy as np

from nestlab.analysis.ranks import Values, between, of_median

Interval = tuple[float | None, float | None]

LEAST = 3
"""Samples without which there is no interval."""

HUGE = 1e100
"""No figure is as large; a file may have one, and gets no interval."""

UNKNOWN: Interval = (None, None)


def median(values: Values) -> float:
    """The median of at least one value, also where the sum of two is beyond a float."""
    if is_moderate(values):
        return float(np.median(values))
    return 2 * float(np.median(values / 2))


def is_moderate(values: Values) -> bool:
    """Whether sums, squares and ratios of the values stay within what a float can hold."""
    return bool(np.abs(values).max() < HUGE)


def median_interval(values: Values) -> Interval:
    """The interval, always around the median; unknown for fewer than three values.

    Three and four values have only their range, which holds the true median in 75 % and 87.5 % of
    cases; five have 93.75 %.
    """
    if len(values) < LEAST or not is_moderate(values):
        return UNKNOWN
    return around(median(values), *between(values, of_median(len(values))))


def around(figure: float, low: float, high: float) -> tuple[float, float]:
    """The interval, widened to hold the figure, which it can miss by a hair."""
    return (min(low, figure), max(high, figure))


def log_median_error(values: Values) -> float:
    """The standard error of the logarithm of the median, for many values above 0.

    Price and Bonett, *Distribution-free confidence intervals for difference and ratio of medians*,
    J. Stat. Comput. Simul. 72, 2002.
    """
    n = len(values)
    rank = max(round((n + 1) / 2 - math.sqrt(n)), 1)
    ranked = np.partition(values, (rank - 1, n - rank))
    width = math.log(ranked[n - rank]) - math.log(ranked[rank - 1])
    z = (n + 1 - 2 * rank) / math.sqrt(n)
    return width / (2 * z)
