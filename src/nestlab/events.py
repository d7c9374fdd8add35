"""What is happening, told while it happens.

Work reports events to a sink; only the command line decides how they look.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """The state of one machine's (or the image's) current step."""

    WORKING = "working"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True)
class Progress:
    """One subject's current step.

    subject   a machine path (`l0`, `l1/l2`) or `image`
    step      a few words: `booting`, `fio randread`
    """

    subject: str
    step: str
    state: State = State.WORKING


@dataclass(frozen=True)
class Notice:
    """A line that the user must see once, such as why a lab is emulated."""

    text: str


Event = Progress | Notice
Sink = Callable[[Event], None]


def discard(_event: Event) -> None:
    """A sink that ignores everything, for callers who do not watch."""
