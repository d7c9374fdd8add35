"""Numbers as text."""

MINUS = "\N{MINUS SIGN}"
ABSENT = "\N{EM DASH}"
"""A cell for which nothing was measured."""


def number(value: float) -> str:
    """A figure for people; five digits or fewer where it has as many."""
    if abs(value) >= 10_000:
        return f"{value:.0f}"
    if abs(value) >= 100:
        return f"{value:.1f}"
    return f"{value:.2f}" if abs(value) >= 0.1 or value == 0 else f"{value:.3g}"


def percent(fraction: float) -> str:
    """A signed change, in percent, with a true minus sign."""
    rounded = round(fraction * 100, 1) + 0.0  # adding 0 turns a negative zero into zero
    sign = "+" if rounded > 0 else MINUS if rounded < 0 else ""
    return f"{sign}{abs(rounded):.1f} %"
