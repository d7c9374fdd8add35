"""The median of samples and its 95 % interval.

Up to `LARGE` samples the interval is BCa, the bias-corrected and accelerated bootstrap (Efron,
*Better Bootstrap Confidence Intervals*, JASA 82, 1987). Beyond, it is the pair of order statistics
that the binomial distribution gives (Conover, *Practical Nonparametric Statistics*, section 3.2),
which needs no resampling and no SciPy.
"""

import math

import numpy as np
import numpy.typing as npt

from nestlab.analysis.resample import bootstrap_interval

Values = npt.NDArray[np.float64]
Interval = tuple[float | None, float | None]

LEAST = 3
"""Samples without which there is no interval."""

LARGE = 50
"""Samples beyond which resampling only costs time; both intervals agree well before."""

Z = 1.959963984540054
"""Two-sided 95 % of the normal distribution."""

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


def median_interval(values: Values, *, seed: str) -> Interval:
    """The interval, always around the median; unknown for fewer than three values.

    seed  equal seeds give equal intervals
    """
    if len(values) < LEAST or not is_moderate(values):
        return UNKNOWN
    low, high = (
        order_statistics(values)
        if len(values) > LARGE
        else bootstrap_interval(np.median, (values,), seed=seed)
    )
    # interpolated quantiles can leave the samples by the last bit of a float
    low, high = max(low, float(values.min())), min(high, float(values.max()))
    return around(median(values), low, high)


def around(figure: float, low: float, high: float) -> Interval:
    """The interval, widened to hold the figure: BCa can miss it by a hair where values repeat."""
    return (min(low, figure), max(high, figure))


def order_statistics(values: Values) -> tuple[float, float]:
    """The interval from the ranks, for many values."""
    n = len(values)
    reach = Z * math.sqrt(n) / 2
    low = max(math.floor(n / 2 - reach), 1) - 1
    high = min(math.ceil(n / 2 + 1 + reach), n) - 1
    ranked = np.partition(values, (low, high))
    return (float(ranked[low]), float(ranked[high]))


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
