"""L2 must fit into L1, and it is said with the arithmetic."""

import pytest

from nestlab.errors import UsageError
from nestlab.lab.wanted.fit import fit, rows_of
from nestlab.lab.wanted.spec import GuestSpec, chain_of
from nestlab.units import GIB, MIB


def l1(memory: int, *inner: int) -> GuestSpec:
    guests = tuple(GuestSpec(f"l2-{number}", 1, size) for number, size in enumerate(inner))
    return GuestSpec("l1", 2, memory, guests=guests)


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_the_chain_of_the_demo_fits(depth: int) -> None:
    fit(chain_of(depth))


def test_siblings_are_added_up() -> None:
    fit((l1(4 * GIB, GIB, GIB),))
    with pytest.raises(UsageError) as caught:
        fit((l1(4 * GIB, GIB, GIB, GIB),))
    problem = caught.value
    assert problem.code == "lab.does-not-fit"
    assert problem.message == (
        "the guests of l1 do not fit into it: 1.2 GiB + 1.2 GiB + 1.2 GiB + 384.0 MiB for its own"
        " system is 4.1 GiB, and it has 4.0 GiB"
    )
    assert problem.hint


def test_a_guest_without_guests_always_fits() -> None:
    fit((l1(64 * MIB),))


def test_rows_name_every_machine_after_its_parent() -> None:
    rows = rows_of((l1(8 * GIB, GIB, GIB),))
    assert [row["path"] for row in rows] == ["l1", "l1/l2-0", "l1/l2-1"]
    assert [row["level"] for row in rows] == [1, 2, 2]
    assert rows[0]["promised"] == 2 * (GIB + 256 * MIB)
