"""Doubts about samples: found where they are, and seldom where they are not."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nestlab.analysis.doubts import POINTS, drift, modes, variation
from nestlab.analysis.ranks import Values


@settings(deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=40, min_size=1))
def test_any_samples_are_judged_without_a_warning(values: list[float]) -> None:
    array: Values = np.array(values)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = (variation(array), drift(array), modes(array))
    if len(values) < 5 or min(values) == max(values):
        assert found == (None, None, None)


def test_a_wide_spread_is_found_with_its_size() -> None:
    assert variation(np.array([9.0, 11, 10, 10, 10])) is None
    found = variation(np.array([5.0, 15, 10, 10, 10]))
    assert found == pytest.approx(math.sqrt(50 / 4) / 10)


@pytest.mark.parametrize("n", [6, 40, POINTS + 1, 3 * POINTS + 7, 5000])
def test_a_trend_is_found_with_its_size_and_direction(n: int) -> None:
    noise = np.random.default_rng(n).normal(0, 0.2, n)
    up = drift(np.linspace(95, 105, n) + noise)
    down = drift(np.linspace(105, 95, n) + noise)
    assert up is not None
    assert down is not None
    assert up.change == pytest.approx(0.1, abs=0.02)
    assert down.change == pytest.approx(-0.1, abs=0.02)
    assert up.p < 0.05


def test_four_samples_in_a_row_are_no_trend() -> None:
    assert drift(np.array([1.0, 2, 3, 4])) is None


def test_a_trend_of_no_size_is_not_worth_a_word() -> None:
    assert drift(np.linspace(100, 101, 100)) is None


def test_noise_seldom_drifts() -> None:
    draw = np.random.default_rng(1)
    assert sum(drift(draw.normal(100, 10, 12)) is not None for _ in range(1000)) <= 70


def test_two_modes_are_found_where_they_are() -> None:
    draw = np.random.default_rng(1)
    found = modes(np.concatenate((draw.normal(100, 2, 30), draw.normal(150, 2, 20))))
    assert found is not None
    assert (found.low, found.high) == pytest.approx((100, 150), abs=2)


@pytest.mark.parametrize("n", [10, 20, 100, 2000])
def test_one_mode_is_seldom_taken_for_two(n: int) -> None:
    draw = np.random.default_rng(n)
    false = sum(modes(draw.normal(100, 10, n)) is not None for _ in range(500))
    assert false <= 0.08 * 500


def test_an_outlier_is_no_second_mode() -> None:
    assert modes(np.array([10.0, 10.1, 9.9, 10.2, 10, 10.1, 9.8, 10, 10.1, 9.9, 10, 50])) is None
