"""In which order things are measured (pure)."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True)
class Turn(Generic[T, U]):
    """One run of one case on one machine; `round` and `order` count from 1."""

    round: int
    order: int
    machine: T
    case: U


def turns(
    machines: Sequence[T], cases: Sequence[U], *, rounds: int, seed: int
) -> Iterator[Turn[T, U]]:
    """Every case on every machine, once a round; the machines interleave in a seeded order.

    So a slow drift of the host falls on all levels alike.
    """
    chance = random.Random(seed)  # noqa: S311  (an order, not a secret)
    order = 0
    for number in range(1, rounds + 1):
        for case in cases:
            for machine in chance.sample(list(machines), len(machines)):
                order += 1
                yield Turn(number, order, machine, case)
