"""The chain of a demo: one guest per level."""

from dataclasses import dataclass

from nestlab.errors import UsageError
from nestlab.units import GIB, MIB

MAX_DEPTH = 4


@dataclass(frozen=True)
class GuestSpec:
    """A guest as the user asks for it; memory in bytes."""

    name: str
    vcpus: int
    memory: int


def chain_of(depth: int) -> tuple[GuestSpec, ...]:
    """l1, l2, … of 2 vCPUs each; L1 has 4 GiB or what the levels below need, each child half.

    Raises UsageError `demo.depth`.
    """
    if not 1 <= depth <= MAX_DEPTH:
        raise UsageError(
            "demo.depth",
            f"a chain of {depth} guests cannot be built",
            hint=f"choose --depth from 1 to {MAX_DEPTH}",
        )
    first = max(4 * GIB, GIB << (depth - 1))
    return tuple(
        GuestSpec(f"l{level}", vcpus=2, memory=max(first >> (level - 1), 512 * MIB))
        for level in range(1, depth + 1)
    )
