"""SciPy's resampling, seeded. SciPy takes a second to load, so it is loaded at the first call."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

RESAMPLES = 2000
"""An end of an interval then wavers by about a tenth of the interval's half width."""

Groups = tuple[npt.NDArray[np.float64], ...]
Statistic = Callable[..., Any]
"""Takes the groups and `axis`."""


def bootstrap_interval(figure: Statistic, groups: Groups, *, seed: str) -> tuple[float, float]:
    """A 95 % BCa interval; where values repeat so that BCa has no answer, the percentile one."""
    from scipy import stats

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        done = stats.bootstrap(
            groups,
            figure,
            n_resamples=RESAMPLES,
            confidence_level=0.95,
            vectorized=True,
            method="BCa",
            rng=_generator(seed),
        )
    low, high = done.confidence_interval
    if not (np.isfinite(low) and np.isfinite(high)):
        low, high = np.quantile(done.bootstrap_distribution, (0.025, 0.975))
    return (float(low), float(high))


def permutation_p(difference: Statistic, groups: Groups, *, seed: str) -> float:
    """How often a random split of all values differs as much: exact for few values, two-sided."""
    from scipy import stats

    done = stats.permutation_test(
        groups,
        difference,
        permutation_type="independent",
        n_resamples=RESAMPLES - 1,
        vectorized=True,
        rng=_generator(seed),
    )
    return float(done.pvalue)


def _generator(seed: str) -> np.random.Generator:
    return np.random.default_rng([*seed.encode()])
