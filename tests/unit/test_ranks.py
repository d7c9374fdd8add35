"""Ranks that bound a median: against counting by hand."""

import itertools

import numpy as np
import pytest

from nestlab.analysis.ranks import LARGE, LEVEL, Ranks, between, of_median


def median_level(n: int, first: int) -> float:
    """How often the median lies between the ranks: every value is above it or below."""
    hits = sum(first <= sum(sides) <= n - first for sides in itertools.product((0, 1), repeat=n))
    return float(hits / 2**n)


@pytest.mark.parametrize("n", range(3, 15))
def test_the_median_s_level_is_met_by_the_pair_that_holds_it(n: int) -> None:
    ranks = of_median(n)
    if n < 6:
        assert ranks == Ranks(1, 0.0)
        assert median_level(n, 1) == 1 - 2 / 2**n < LEVEL
    else:
        assert median_level(n, ranks.first) >= LEVEL > median_level(n, ranks.first + 1)
        assert 0 <= ranks.inward < 1


def test_the_interpolation_is_hettmansperger_s_and_sheather_s() -> None:
    outer, inner = median_level(10, 2), median_level(10, 3)
    part = (outer - LEVEL) / (outer - inner)
    assert of_median(10).first == 2
    assert of_median(10).inward == pytest.approx(8 * part / (2 + 6 * part))


def test_what_the_documentation_says_of_few_samples() -> None:
    assert [median_level(n, 1) for n in (3, 4, 5)] == [0.75, 0.875, 0.9375]


def test_both_ways_to_a_median_s_ranks_agree_where_they_meet() -> None:
    exact, normal = of_median(LARGE), of_median(LARGE + 1)
    assert exact.first + exact.inward == pytest.approx(normal.first, abs=1)


def test_the_interval_of_ranks_goes_inward_from_both_ends() -> None:
    values = np.array([50.0, 10.0, 40.0, 20.0, 30.0])
    assert between(values, Ranks(1)) == (10, 50)
    assert between(values, Ranks(2)) == (20, 40)
    assert between(values, Ranks(1, 0.25)) == (12.5, 47.5)
    assert between(np.full(5, 0.1), Ranks(1, 0.3)) == (0.1, 0.1)
