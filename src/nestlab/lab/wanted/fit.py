"""Whether a tree of guests fits into itself, before anything is booted (pure)."""

from collections.abc import Iterator, Sequence
from typing import TypedDict

from nestlab.errors import UsageError
from nestlab.lab.build.plan import share_of
from nestlab.lab.wanted.spec import GuestSpec
from nestlab.units import MIB, format_size

SYSTEM = 384 * MIB
"""Bytes that the system of a guest needs for itself: Debian's kernel, systemd and sshd took some
200 MiB in an L1 of 4 GiB, and the page cache wants a part."""


class Row(TypedDict):
    """A machine of the plan; memory and what its own guests will take of it in bytes."""

    path: str
    level: int
    vcpus: int
    memory: int
    promised: int


def rows_of(guests: Sequence[GuestSpec], parent: str = "") -> list[Row]:
    """Every machine, parents before children."""
    return [_row(path, level, guest) for path, level, guest in _walk(guests, parent, 1)]


def fit(guests: Sequence[GuestSpec]) -> None:
    """Raises UsageError `lab.does-not-fit` with the arithmetic for the first that cannot."""
    for path, _, guest in _walk(guests, "", 1):
        promised = sum(map(share_of, guest.guests))
        if promised and promised + SYSTEM > guest.memory:
            sizes = " + ".join(format_size(share_of(inner)) for inner in guest.guests)
            raise UsageError(
                "lab.does-not-fit",
                f"the guests of {path} do not fit into it: {sizes} + {format_size(SYSTEM)} for"
                f" its own system is {format_size(promised + SYSTEM)},"
                f" and it has {format_size(guest.memory)}",
                hint=f"give {path} more memory, or its guests less",
            )


def _row(path: str, level: int, guest: GuestSpec) -> Row:
    promised = sum(map(share_of, guest.guests))
    return Row(path=path, level=level, vcpus=guest.vcpus, memory=guest.memory, promised=promised)


def _walk(
    guests: Sequence[GuestSpec], parent: str, level: int
) -> Iterator[tuple[str, int, GuestSpec]]:
    for guest in guests:
        path = f"{parent}/{guest.name}" if parent else guest.name
        yield path, level, guest
        yield from _walk(guest.guests, path, level + 1)
