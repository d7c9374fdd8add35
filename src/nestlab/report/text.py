"""Numbers as text."""

from typing import TYPE_CHECKING

from nestlab.harmless import plain

if TYPE_CHECKING:  # every command loads this file, and Pydantic takes its time
    from nestlab.analysis.models import Loss

MINUS = "\N{MINUS SIGN}"
NO_DIFFERENCE = "no difference shown"
"""Said of a loss whose interval includes 0."""

ABSENT = "\N{EM DASH}"
"""A cell for which nothing was measured."""


LONGEST = 400
"""Characters of a string of a result that a page or a chart shows; it says how many are left."""


def shown(text: str, limit: int = LONGEST) -> str:
    """The text made harmless, and no longer than a reader wants."""
    return plain(text, longest=limit)


def number(value: float) -> str:
    """A figure for people; five digits or fewer where it has as many."""
    if abs(value) >= 10_000:
        return f"{value:.0f}"
    if abs(value) >= 100:
        return f"{value:.1f}"
    return f"{value:.2f}" if abs(value) >= 0.1 or value == 0 else f"{value:.3g}"


def interval(low: float | None, high: float | None) -> str | None:
    """`610.2 to 618.0`, the bounds of a median; None where there is no interval."""
    return None if low is None or high is None else f"{number(low)} to {number(high)}"


def loss_interval(found: "Loss") -> str | None:
    """The interval of a loss, in percent, with the sign of a change: minus is the worse."""
    if found.low is None or found.high is None:
        return None
    low, high = (percent(-bound).removesuffix(" %") for bound in (found.high, found.low))
    return f"{low} to {high}"


def percent(fraction: float) -> str:
    """A signed change, in percent, with a true minus sign."""
    rounded = round(fraction * 100, 1) + 0.0  # adding 0 turns a negative zero into zero
    sign = "+" if rounded > 0 else MINUS if rounded < 0 else ""
    return f"{sign}{abs(rounded):.1f} %"
