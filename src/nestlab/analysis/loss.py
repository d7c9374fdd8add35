"""The loss between two figures, its interval, and whether chance explains it."""

import math
import statistics
from typing import Any, Literal

import numpy as np

from nestlab.analysis.interval import HUGE, LEAST, around, log_median_error, median
from nestlab.analysis.models import Loss
from nestlab.analysis.ranks import LARGE, Values, Z, between, of_median
from nestlab.analysis.resample import bootstrap_interval, permutation_p

Better = Literal["higher", "lower"]


def loss(parent: float, child: float, better: Better) -> float:
    """The fraction lost on the way from parent to child; both must be above 0.

    1 - child/parent where higher is better, 1 - parent/child where lower is: 0 for equals, towards
    1 the worse the child is, below 0 when it is the better one.
    """
    return 1 - child / parent if better == "higher" else 1 - parent / child


def loss_between(parent: Values, child: Values, better: Better, *, seed: str) -> Loss | None:
    """The loss of the medians with its 95 % interval; None where a value is missing or not above 0.

    For samples that were not taken together. The interval is BCa, the bias-corrected and
    accelerated bootstrap (Efron, *Better Bootstrap Confidence Intervals*, JASA 82, 1987), over both
    groups. Where a group is large it is that of the ratio of two medians by Price and Bonett. It
    always holds the loss. Equal seeds give equal intervals.
    """
    if not _positive(parent, child):
        return None
    value = loss(median(parent), median(child), better)
    if min(len(parent), len(child)) < LEAST:
        return Loss(value=value)
    low, high = around(
        value,
        *(
            _asymptotic(value, parent, child)
            if max(len(parent), len(child)) > LARGE
            else _bootstrapped(parent, child, better, seed)
        ),
    )
    return Loss(value=value, low=low, high=high)


def loss_in_rounds(parent: Values, child: Values, better: Better) -> Loss | None:
    """The same for samples of the same rounds, in the same order; five rounds or more.

    The interval is that of the median of the ratios round by round: what befalls both sides of a
    round, such as a drift of the host, is not in it.
    """
    if not _positive(parent, child):
        return None
    value = loss(median(parent), median(child), better)
    steps = np.log(child / parent) if better == "higher" else np.log(parent / child)
    low, high = between(steps, of_median(len(steps)))
    least, most = around(value, -math.expm1(high), -math.expm1(low))
    return Loss(value=value, low=least, high=most)


def chance(parent: Values, child: Values, *, seed: str) -> float | None:
    """The p value of the ratio of medians: that of a permutation test, normal for large groups.

    None for a single sample or values that are not above 0. At 0.05 five samples on each side are
    the least that can show anything.
    """
    if not _positive(parent, child) or min(len(parent), len(child)) < 2:
        return None
    if max(len(parent), len(child)) <= LARGE:
        return permutation_p(_log_ratio, (parent, child), seed=seed)
    ratio = abs(math.log(median(child)) - math.log(median(parent)))
    error = _log_error(parent, child)
    if error == 0:
        return 1.0 if ratio == 0 else 0.0
    return 2 * statistics.NormalDist().cdf(-ratio / error)


def _positive(parent: Values, child: Values) -> bool:
    """Whether ratios make sense: there are values, above 0 and neither vanishing nor boundless."""
    if not len(parent) or not len(child):
        return False
    return bool(min(parent.min(), child.min()) > 1 / HUGE and max(parent.max(), child.max()) < HUGE)


def _bootstrapped(parent: Values, child: Values, better: Better, seed: str) -> tuple[float, float]:
    def of_medians(above: Values, below: Values, axis: int = -1) -> Any:
        upper, lower = np.median(above, axis=axis), np.median(below, axis=axis)
        return 1 - (lower / upper if better == "higher" else upper / lower)

    return bootstrap_interval(of_medians, (parent, child), seed=seed)


def _asymptotic(value: float, parent: Values, child: Values) -> tuple[float, float]:
    factor = math.exp(Z * _log_error(parent, child))
    return (1 - (1 - value) * factor, 1 - (1 - value) / factor)


def _log_error(parent: Values, child: Values) -> float:
    return math.hypot(log_median_error(parent), log_median_error(child))


def _log_ratio(parent: Values, child: Values, axis: int = -1) -> Any:
    return np.log(np.median(child, axis=axis)) - np.log(np.median(parent, axis=axis))
