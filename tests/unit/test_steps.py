"""The loss within a run: round against round where there are enough."""

import pytest

from measured import series
from nestlab.analysis.loss import loss_between
from nestlab.analysis.models import Loss
from nestlab.analysis.samples import values_of
from nestlab.analysis.steps import step_loss
from nestlab.result.models import Series

LEVELS = (100.0, 110.0, 120.0, 130.0, 140.0, 150.0)
"""A host that gets faster from round to round by a half in all."""


def side(*values: float, where: str = "l0") -> Series:
    return series(where, "a", "x", *values)


def parent() -> Series:
    return side(*LEVELS)


def child(factor: float = 0.8) -> Series:
    uneven = (1.0, 1.01, 0.99, 1.005, 0.995, 1.0)
    return side(*(factor * a * b for a, b in zip(LEVELS, uneven, strict=True)), where="l1")


def width(found: Loss | None) -> float:
    assert found is not None
    assert found.low is not None
    assert found.high is not None
    return found.high - found.low


def test_a_drift_on_both_sides_is_not_in_the_interval() -> None:
    within = step_loss(parent(), child(0.9), seed="x")
    apart = loss_between(values_of(parent()), values_of(child(0.9)), "higher", seed="x")
    assert within is not None
    assert apart is not None
    assert within.is_shown
    assert apart.is_undecided
    assert within.value == apart.value == pytest.approx(0.1, abs=0.01)
    assert width(within) < 0.03 < width(apart)


def test_equal_machines_that_drift_show_no_difference() -> None:
    found = step_loss(parent(), child(1.0), seed="x")
    assert found is not None
    assert found.is_undecided


def test_only_rounds_of_both_sides_count() -> None:
    cut = child().model_copy(update={"samples": child().samples[:5]})
    lost = parent().model_copy(update={"samples": parent().samples[:5]})
    assert step_loss(parent(), cut, seed="x") == step_loss(lost, cut, seed="x")
    assert step_loss(cut, parent(), seed="x") == step_loss(cut, lost, seed="x")


def test_the_order_of_samples_in_the_file_does_not_count() -> None:
    turned = child().model_copy(update={"samples": child().samples[::-1]})
    assert step_loss(parent(), turned, seed="x") == step_loss(parent(), child(), seed="x")


@pytest.mark.parametrize("rounds", [1, 3, 4])
def test_few_rounds_are_set_against_each_other_as_a_whole(rounds: int) -> None:
    above, below = (
        each.model_copy(update={"samples": each.samples[:rounds]}) for each in (parent(), child())
    )
    found = step_loss(above, below, seed="x")
    assert found == loss_between(values_of(above), values_of(below), "higher", seed="x")


def test_rounds_that_have_two_samples_are_no_pairs() -> None:
    one = child()
    samples = (*one.samples, one.samples[0])
    twice = one.model_copy(update={"samples": samples})
    expected = loss_between(values_of(parent()), values_of(twice), "higher", seed="x")
    assert step_loss(parent(), twice, seed="x") == expected


def test_what_does_not_compare_has_no_loss() -> None:
    assert step_loss(None, child(), seed="x") is None
    assert step_loss(series("l0", "a", "y", *LEVELS), child(), seed="x") is None
    assert step_loss(series("l0", "a", "x", *LEVELS, better="lower"), child(), seed="x") is None
    assert step_loss(series("l0", "a", "x", *LEVELS, reason="disk full"), child(), seed="x") is None
    assert step_loss(side(0.0, *LEVELS[1:]), child(), seed="x") is None


def test_lower_is_better_turns_the_interval() -> None:
    slow = series("l0", "a", "x", *LEVELS, better="lower")
    slower = series("l1", "a", "x", *(2 * level for level in LEVELS), better="lower")
    found = step_loss(slow, slower, seed="x")
    assert found is not None
    assert (found.low, found.value, found.high) == pytest.approx((0.5, 0.5, 0.5))
