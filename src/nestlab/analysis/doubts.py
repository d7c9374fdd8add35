"""What makes the samples of one figure doubtful: few, spread wide, drifting, or of two kinds."""

import math
import statistics
from dataclasses import dataclass

import numpy as np

from nestlab.analysis.interval import HUGE
from nestlab.analysis.ranks import Values

ENOUGH = 5
"""Samples below which two runs can hardly be told apart: 5 against 5 is the least at 0.05."""

WIDE = 0.10
"""Coefficient of variation from which on a figure is called spread."""

WORTH_SAYING = 0.05
"""Part of the median that a drift, or the way between two modes, must be."""

BIMODAL = 5 / 9
"""Sarle's coefficient of the uniform distribution; two modes have more."""

ENOUGH_FOR_MODES = 10
SMALLEST_MODE = 0.1
POINTS = 250


@dataclass(frozen=True)
class Drift:
    """A trend: its change from the first to the last sample as a part of the median, and p."""

    change: float
    p: float


@dataclass(frozen=True)
class Modes:
    """Two values around which the samples gather, and Sarle's coefficient."""

    low: float
    high: float
    coefficient: float


def variation(values: Values) -> float | None:
    """The coefficient of variation where it is high: standard deviation by mean."""
    if len(values) < ENOUGH or not _scalable(values):
        return None
    found = float(np.std(values, ddof=1) / abs(np.mean(values)))
    return found if found > WIDE else None


def drift(values: Values) -> Drift | None:
    """A trend over the samples in the order in which they were measured.

    The test is Mann and Kendall's with ties and continuity (Kendall, *Rank Correlation Methods*,
    chapter 4) at 0.05, the slope Theil and Sen's. More than `POINTS` samples are first made at
    most that many medians of neighbours: a drift is still in them, the noise and the cost are not.
    """
    if len(values) < ENOUGH or not _scalable(values):
        return None
    points = _thinned(values)
    n = len(points)
    earlier, later = np.triu_indices(n, 1)
    steps = points[later] - points[earlier]
    p = _mann_kendall(float(np.sign(steps).sum()), points)
    slope = float(np.median(steps / (later - earlier)))
    change = slope * (n - 1) / abs(float(np.median(values)))
    return Drift(change, p) if p < 0.05 and abs(change) >= WORTH_SAYING else None


def modes(values: Values) -> Modes | None:
    """Two modes, by Sarle's bimodality coefficient above that of the uniform distribution.

    With the correction for samples (SAS/STAT, procedure CLUSTER). A heavy tail raises it too, so
    the best cut in two must leave a tenth of the samples on each side.
    """
    n = len(values)
    if n < ENOUGH_FOR_MODES or not _scalable(values):
        return None
    ranked = np.sort(values)
    scaled = (ranked - ranked.mean()) / ranked.std(ddof=0)
    coefficient = _sarle(float(np.mean(scaled**3)), float(np.mean(scaled**4)) - 3, n)
    if coefficient <= BIMODAL:
        return None
    cut = _best_cut(scaled)
    low, high = float(np.median(ranked[:cut])), float(np.median(ranked[cut:]))
    far = high - low >= WORTH_SAYING * abs(float(np.median(ranked)))
    if not far or min(cut, n - cut) < SMALLEST_MODE * n:
        return None
    return Modes(low, high, coefficient)


def _scalable(values: Values) -> bool:
    """Whether the values differ, beyond a float's grain, around something that is not 0."""
    low, high = float(values.min()), float(values.max())
    size = max(abs(low), abs(high))
    return size < HUGE and high - low > 1e-9 * size and bool(np.median(values) * np.mean(values))


def _thinned(values: Values) -> Values:
    """Medians of equal parts; the last few values that make no whole part are left out."""
    size = -(-len(values) // POINTS)
    whole = values[: len(values) // size * size].reshape(-1, size)
    return np.asarray(np.median(whole, axis=1), dtype=np.float64)


def _mann_kendall(score: float, points: Values) -> float:
    n = len(points)
    _, ties = np.unique(points, return_counts=True)
    tied = float((ties * (ties - 1) * (2 * ties + 5)).sum())
    variance = (n * (n - 1) * (2 * n + 5) - tied) / 18
    if variance <= 0:
        return 1.0
    z = max(abs(score) - 1, 0) / math.sqrt(variance)
    return 2 * statistics.NormalDist().cdf(-z)


def _sarle(skewness: float, excess: float, n: int) -> float:
    """From the moments of the samples to Sarle's coefficient with unbiased skewness and excess."""
    skew = skewness * math.sqrt(n * (n - 1)) / (n - 2)
    kurtosis = (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * excess + 6)
    return (skew**2 + 1) / (kurtosis + 3 * (n - 1) ** 2 / ((n - 2) * (n - 3)))


def _best_cut(ranked: Values) -> int:
    """How many values are in the lower part when the variance between both parts is greatest.

    Otsu, *A Threshold Selection Method from Gray-Level Histograms*, 1979; of centred values.
    """
    n = len(ranked)
    below = np.arange(1, n)
    sums = np.cumsum(ranked)[:-1]
    return int(np.argmax(sums**2 / (below * (n - below)))) + 1
