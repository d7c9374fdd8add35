"""Findings that reports and comparisons print, for programs too."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

Verdict = Literal["better", "worse", "no-difference-shown", "too-few-samples", "not-comparable"]


class Finding(BaseModel):
    """Base of all findings."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Loss(Finding):
    """A loss as a fraction: 0.25 is a quarter lost, below 0 is a gain.

    low, high  bounds of a 95 % interval; null where a side has fewer than three samples
    """

    value: float
    low: float | None = None
    high: float | None = None

    @property
    def is_shown(self) -> bool:
        """Whether there is an interval and it leaves out 0."""
        return self.low is not None and self.high is not None and not self.low <= 0 <= self.high

    @property
    def is_undecided(self) -> bool:
        """Whether there is an interval and it includes 0: no difference is shown."""
        return self.low is not None and not self.is_shown


class Difference(Finding):
    """A key that two results do not share.

    where   a machine's path, or a workload and its case
    a, b    the values as text; null where a result does not say
    blocks  figures measured under a and under b are not to be compared
    """

    where: str
    key: str
    a: str | None
    b: str | None
    blocks: bool


class Side(Finding):
    """A figure in one of the two results; `step_loss` is against the parent there."""

    median: float | None
    low: float | None
    high: float | None
    n: int
    step_loss: Loss | None


class Change(Finding):
    """One figure on one machine in both results.

    a, b     null where that result has no such series
    loss     on the way from a to b
    p        how often chance alone gives a difference as large; null for too few samples
    reason   why the verdict is `not-comparable`
    """

    workload: str
    case: str
    metric: str
    unit: str
    better: Literal["higher", "lower"]
    machine: str
    level: int
    parent: str | None
    a: Side | None
    b: Side | None
    loss: Loss | None
    p: float | None
    verdict: Verdict
    reason: str | None = None

    def regressed(self, threshold: float) -> bool:
        """Whether the figure is shown to be worse, and the loss is beyond the threshold."""
        return self.verdict == "worse" and self.loss is not None and self.loss.value > threshold
