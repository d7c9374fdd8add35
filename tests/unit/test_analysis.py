"""Medians, losses, their intervals and chance: properties, and simulations with known truth.

How much the intervals cover is in tests/slow/test_coverage.py.
"""

import subprocess
import sys
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nestlab.analysis.interval import median, median_interval
from nestlab.analysis.loss import Better, chance, loss, loss_between
from nestlab.analysis.models import Loss
from nestlab.analysis.ranks import LARGE, Values

POSITIVE = st.floats(min_value=1e-6, max_value=1e12)
BETTER: st.SearchStrategy[Better] = st.sampled_from(("higher", "lower"))
SAMPLES = st.lists(POSITIVE, min_size=3, max_size=LARGE + 20).map(np.array)
FEW = settings(max_examples=30, deadline=None)


def of(*values: float) -> Values:
    return np.array(values, dtype=np.float64)


def shown(found: Loss | None) -> tuple[float, float, float]:
    assert found is not None
    assert found.low is not None
    assert found.high is not None
    return (found.low, found.value, found.high)


# --- properties -----------------------------------------------------------------------------------


@given(POSITIVE, POSITIVE, BETTER)
def test_the_loss_formula(parent: float, child: float, better: Better) -> None:
    assert loss(parent, parent, better) == 0
    found = loss(parent, child, better)
    assert found <= 1
    worse = child < parent if better == "higher" else child > parent
    assert (found > 0) <= worse  # a difference below a float's precision is no loss
    other: Better = "lower" if better == "higher" else "higher"
    assert found == pytest.approx(loss(child, parent, other))


@FEW
@given(SAMPLES)
def test_the_interval_holds_the_median_and_is_within_the_samples(values: Values) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        low, high = median_interval(values)
    assert low is not None
    assert high is not None
    assert values.min() <= low <= median(values) <= high <= values.max()
    assert (low, high) == median_interval(values)


@FEW
@given(SAMPLES, SAMPLES, BETTER)
def test_the_interval_of_a_loss_holds_it_and_is_repeatable(
    parent: Values, child: Values, better: Better
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = loss_between(parent, child, better, seed="x")
        p = chance(parent, child, seed="x")
    low, value, high = shown(found)
    assert low <= value <= high <= 1
    assert found == loss_between(parent, child, better, seed="x")
    assert p is not None
    assert 0 <= p <= 1


@FEW
@given(SAMPLES, BETTER)
def test_identical_samples_show_no_difference(values: Values, better: Better) -> None:
    found = loss_between(values, values, better, seed="x")
    low, value, high = shown(found)
    assert low <= value == 0 <= high
    assert found is not None
    assert not found.is_shown
    assert chance(values, values, seed="x") == pytest.approx(1.0)


@FEW
@given(SAMPLES, SAMPLES, st.integers(min_value=-20, max_value=20), BETTER)
def test_another_unit_changes_no_loss(
    parent: Values, child: Values, power: int, better: Better
) -> None:
    scale = 2.0**power  # exact, so that ties stay ties
    here = loss_between(parent, child, better, seed="x")
    there = loss_between(parent * scale, child * scale, better, seed="x")
    assert shown(there) == pytest.approx(shown(here), rel=1e-6, abs=1e-9)
    low, high = median_interval(parent)
    scaled = median_interval(parent * scale)
    assert low is not None
    assert high is not None
    assert scaled == pytest.approx((low * scale, high * scale), rel=1e-6)


# --- edges ----------------------------------------------------------------------------------------


def test_fewer_than_three_samples_have_no_interval() -> None:
    assert median_interval(of(1, 2)) == (None, None)
    found = loss_between(of(1, 2), of(1, 2, 3, 4, 5), "higher", seed="x")
    assert found == Loss(value=-1.0)
    assert not found.is_shown
    assert chance(of(1), of(1, 2, 3), seed="x") is None


@pytest.mark.parametrize("n", [3, 5, LARGE, LARGE + 1])
def test_samples_without_spread_are_certain(n: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert median_interval(np.full(n, 5.0)) == (5.0, 5.0)
        found = loss_between(np.full(n, 5.0), np.full(n, 4.0), "higher", seed="x")
    assert shown(found) == pytest.approx((0.2, 0.2, 0.2))
    assert found is not None
    assert found.is_shown


def test_what_is_not_above_0_has_no_loss() -> None:
    assert loss_between(of(0), of(1), "higher", seed="x") is None
    assert loss_between(of(), of(1), "higher", seed="x") is None
    assert loss_between(of(1, 2, 3), of(1, -2, 3), "higher", seed="x") is None
    assert chance(of(1, 2, 3), of(0, 2, 3), seed="") is None


@pytest.mark.parametrize("value", [1.7e308, -1.7e308, 5e-324, 1e-300])
@pytest.mark.parametrize("n", [2, 6, LARGE + 2])
def test_values_at_the_ends_of_a_float_do_no_harm(value: float, n: int) -> None:
    odd, plain = np.full(n, value), np.full(n, 1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert median(odd) == value
        low, high = median_interval(odd)
        assert loss_between(odd, plain, "higher", seed="x") is None
        assert loss_between(plain, odd, "lower", seed="x") is None
        assert chance(plain, odd, seed="x") is None
    assert low in {None, value}
    assert high in {None, value}


def test_five_samples_on_each_side_can_show_a_difference_and_four_cannot() -> None:
    low, high = np.arange(1.0, 6.0), np.arange(11.0, 16.0)
    five, four = chance(low, high, seed="x"), chance(low[:4], high[:4], seed="x")
    assert five is not None
    assert four is not None
    assert five <= 0.05 < four


# --- simulations ----------------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", [(5, 5), (20, 8), (LARGE + 1, LARGE + 1), (400, 10)])
def test_equal_machines_are_seldom_called_different(sizes: tuple[int, int]) -> None:
    draw = np.random.default_rng(sizes)
    times = 300
    pairs = [[draw.lognormal(0, 0.3, size) for size in sizes] for _ in range(times)]
    found = [
        loss_between(one, other, "higher", seed=str(seed))
        for seed, (one, other) in enumerate(pairs)
    ]
    assert sum(each is not None and each.is_shown for each in found) / times <= 0.09


@pytest.mark.parametrize("n", [8, LARGE + 1])
def test_p_is_spread_evenly_when_nothing_differs(n: int) -> None:
    draw = np.random.default_rng(n)
    found = [
        chance(draw.lognormal(0, 0.3, n), draw.lognormal(0, 0.3, n), seed=str(seed))
        for seed in range(300)
    ]
    p = np.array(found, dtype=np.float64)
    for limit in (0.05, 0.2, 0.5, 0.8):
        assert np.mean(p <= limit) == pytest.approx(limit, abs=0.09)


def test_a_difference_of_a_tenth_is_shown() -> None:
    draw = np.random.default_rng(1)
    parent, child = draw.normal(100, 2, 8), draw.normal(90, 2, 8)
    found, p = loss_between(parent, child, "higher", seed="x"), chance(parent, child, seed="x")
    low, value, high = shown(found)
    assert 0 < low < value < high
    assert value == pytest.approx(0.1, abs=0.03)
    assert p is not None
    assert p < 0.01


# --- cost -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [5, 1000])
def test_intervals_need_no_scipy(n: int) -> None:
    program = (
        "import sys, numpy as np\n"
        "from nestlab.analysis.interval import median_interval\n"
        "from nestlab.analysis.loss import loss_in_rounds\n"
        f"v = np.arange(1.0, {n}.0)\n"
        "median_interval(v)\n"
        "loss_in_rounds(v, v, 'higher')\n"
        "sys.exit('scipy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
