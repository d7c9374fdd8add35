"""Guests that emulation has lost: how it shows, and what is said when one is started again."""

from nestlab.lab.wanted.spec import GuestSpec

LOST = frozenset(
    {"guest.died", "guest.no-answer", "guest.panicked", "machine.deadline", "machine.lost"}
)
"""How it shows when emulation has lost a guest."""


def may_be_lost(spec: GuestSpec, path: str, *, emulated: bool) -> bool:
    """Whether SVM emulation can lose a guest: it enters those under KVM, and no others.

    emulated  whether a machine that it is in is emulated
    """
    return emulated and "/" in path and spec.accel != "tcg"


def again(path: str, what: str, number: int, attempts: int) -> str:
    """What the user is told when a machine was lost and something is started again."""
    return (
        f"{path} was lost, which happens now and then where SVM is emulated:"
        f" starting {what} again (attempt {number} of {attempts})"
    )


_NESTED = 90.0
"""Seconds for each level below L1: an emulated L2 took 9 to 20 s to its shell here, an L3 some 45 s
(docs/how-to/when-a-guest-stops.md), and one that is lost never comes."""


def patience(path: str, boot_timeout: float, *, last: bool) -> float:
    """Seconds until a guest's shell answers; one that can be started again is not waited for long.

    last  whether it is not started again
    """
    depth = path.count("/")
    return boot_timeout if last or not depth else min(boot_timeout, _NESTED * depth)
