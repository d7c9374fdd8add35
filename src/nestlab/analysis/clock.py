"""Whether a machine's clock can be believed: its own time of a run against L0's (pure).

Both time the same process. L0's time has the way there and back on top, which `launch_seconds` of
the machine says for a command that does nothing. So two findings are safe:

- the machine counted *more* than L0 did: its clock runs fast, whatever the overhead was;
- it counted less, by more than twice that overhead: it runs slow. A slowdown that is smaller
  cannot be told from a slow way, and ways differ by `JITTER`.
"""

TOLERANCE = 0.005
"""Part of the machine's time by which the clocks may differ before a sample is warned of."""

BEYOND = 0.05
"""Part from which on a figure by that clock is none."""

GRAIN = 0.02
"""Seconds: /proc/uptime counts hundredths, and is read twice."""

UNKNOWN_LAUNCH = 2.0
"""Seconds of overhead to allow where nobody measured it."""

JITTER = 0.25
"""Seconds by which a way under load is slower than twice the best that was measured."""

STALL = 1.0
"""Seconds of a way that stalls once: no figure is thrown away for less."""


def allowance(launch: float | None) -> float:
    """Seconds of L0's time that may be overhead, from what a command that does nothing took."""
    return UNKNOWN_LAUNCH if launch is None else 2 * launch + JITTER


def disagreement(
    elapsed: float | None,
    counted: float | None,
    *,
    allowed: float,
    tolerance: float = TOLERANCE,
) -> float:
    """Seconds by which the machine's time differs beyond doubt: above 0 fast, below 0 slow.

    elapsed, counted  seconds by L0's clock and by the machine's; None: not known
    allowed           seconds of L0's time that may be overhead
    """
    if counted is None or elapsed is None:
        return 0.0
    tolerated = tolerance * counted + GRAIN
    fast = counted - elapsed
    slow = elapsed - allowed - counted
    if fast > tolerated:
        return fast
    return -slow if slow > tolerated else 0.0
