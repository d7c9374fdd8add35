"""In which order things are measured (pure)."""

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
U = TypeVar("U")

WARM_UP = 0
"""The round before the first: it is measured and kept, but counts for nothing."""


@dataclass(frozen=True)
class Turn(Generic[T, U]):
    """One run of one case on one machine; `order` counts from 1, `round` too save `WARM_UP`."""

    round: int
    order: int
    machine: T
    case: U

    @property
    def warm_up(self) -> bool:
        """Whether it only wakes caches and clocks."""
        return self.round == WARM_UP


def turns(
    machines: Sequence[T], cases: Sequence[U], *, rounds: Iterable[int], seed: int
) -> Iterator[Turn[T, U]]:
    """Every case on every machine, once a round; the machines interleave in a seeded order.

    So a slow drift of the host falls on all levels alike. `rounds` are their numbers and may be
    without end: how many there will be is asked for only when one is over.
    """
    chance = random.Random(seed)  # noqa: S311  (an order, not a secret)
    order = 0
    for number in rounds:
        for case in cases:
            for machine in chance.sample(list(machines), len(machines)):
                order += 1
                yield Turn(number, order, machine, case)
