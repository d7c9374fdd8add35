"""The loss from one machine to another within one run, where rounds interleave."""

import numpy as np

from nestlab.analysis.loss import loss_between, loss_in_rounds
from nestlab.analysis.models import Loss
from nestlab.analysis.samples import by_round, values_of
from nestlab.result.models import Series

ENOUGH_ROUNDS = 5
"""Rounds in common from which on ratios are taken round by round."""


def step_loss(parent: Series | None, child: Series, *, seed: str) -> Loss | None:
    """The loss of the child's figure against the parent's; None where they do not compare.

    With five rounds in common or more it rests on these alone, round against round, so that what
    drifts on both alike does no harm. With fewer, all samples of one side are set against all of
    the other: three rounds in pairs would reach 75 %, three against three reach 90 %. Equal seeds
    give equal intervals.
    """
    if parent is None or (parent.unit, parent.better) != (child.unit, child.better):
        return None
    above, below = by_round(parent), by_round(child)
    rounds = sorted(above.keys() & below.keys())
    if len(rounds) < ENOUGH_ROUNDS:
        return loss_between(values_of(parent), values_of(child), child.better, seed=seed)
    return loss_in_rounds(
        np.array([above[each] for each in rounds], dtype=np.float64),
        np.array([below[each] for each in rounds], dtype=np.float64),
        child.better,
    )
