"""The order of measurement, and what each machine may use while it is measured."""

from collections import Counter
from itertools import groupby
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facts_examples import cpu, facts
from nestlab.bench.envelope import Target, envelope_of, queue_cpus
from nestlab.bench.rounds import turns

names = st.lists(st.text("abcdef", min_size=1, max_size=3), unique=True, max_size=5)


@given(names, names, st.integers(1, 4), st.integers(0, 2**31))
def test_each_case_runs_on_each_machine_once_a_round(
    machines: list[str], cases: list[str], rounds: int, seed: int
) -> None:
    found = list(turns(machines, cases, rounds=range(1, rounds + 1), seed=seed))
    assert found == list(turns(machines, cases, rounds=range(1, rounds + 1), seed=seed))
    assert [turn.order for turn in found] == list(range(1, len(found) + 1))
    assert Counter((turn.round, turn.machine, turn.case) for turn in found) == Counter(
        (number, machine, case)
        for number in range(1, rounds + 1)
        for machine in machines
        for case in cases
    )
    # the levels interleave: no machine gets a second turn while another waits for its first
    for _, group in groupby(found, key=lambda turn: (turn.round, turn.case)):
        assert sorted(turn.machine for turn in group) == sorted(machines)


def test_the_seed_is_what_decides() -> None:
    orders = {
        tuple(turn.machine for turn in turns("abcd", "x", rounds=range(1, 4), seed=seed))
        for seed in range(20)
    }
    assert len(orders) > 10


def test_the_order_of_a_seed_is_written_down() -> None:
    """A result names its seed so that the order can be repeated, by later versions too."""
    found = [
        turn.machine for turn in turns(("l0", "l1", "l1/l2"), "ab", rounds=range(1, 3), seed=7)
    ]
    assert found == [
        *("l1", "l0", "l1/l2"),
        *("l1/l2", "l0", "l1"),
        *("l1/l2", "l0", "l1"),
        *("l1/l2", "l0", "l1"),
    ]


def target(
    usable: tuple[int, ...] = (0, 1), *, device: str | None = "vda", queues: Any = None
) -> Target:
    found = facts(cpu=cpu(usable=usable), queues=queues)
    return Target("l1", found, "/var/lib/nestlab", device)


@pytest.mark.parametrize(
    ("usable", "cpus", "expected"),
    [
        ((0, 1, 2, 3), 2, (0, 1)),
        ((4, 6, 7), 2, (4, 6)),  # what nestlab itself was confined to
        ((0,), 2, (0,)),
    ],
)
def test_the_envelope_is_the_first_cpus_that_may_be_used(
    usable: tuple[int, ...], cpus: int, expected: tuple[int, ...]
) -> None:
    envelope = envelope_of(target(usable), cpus)
    assert envelope.cpus == expected
    assert envelope.directory == "/var/lib/nestlab"


def test_without_a_known_cpu_it_is_the_first() -> None:
    unknown = Target("l1", facts(cpu=None), "/x", None)
    assert envelope_of(unknown, 2).cpus == (0,)


@pytest.mark.parametrize(
    ("maps", "expected"),
    [
        ([{"vda": ["0, 1"]}, {"vda": ["0", "1"]}], 2),
        ([{"vda": ["0-7"]}, {"vda": ["0, 1"]}], 2),  # the host's disk serves more
        ([{"vda": ["0"]}, {"vda": ["0, 1"]}], 1),  # the command is the same everywhere
        ([{"vdb": ["0"]}, {}], 2),  # another disk's map says nothing
        ([None, None], 2),
        ([], 2),
    ],
)
def test_numjobs_is_the_smallest_queue_map(maps: list[Any], expected: int) -> None:
    assert queue_cpus([target(queues=queues) for queues in maps], 2) == expected


def test_a_disk_of_its_own_may_be_missing() -> None:
    assert queue_cpus([target(device=None, queues={"vda": ["0"]})], 2) == 2


@pytest.mark.parametrize("garbage", ["all of them", "0-99999999", "²", "3-1", "\x1b[2J", ""])
def test_one_guest_with_a_garbage_map_does_not_end_the_measurement(garbage: str) -> None:
    broken = target(queues={"vda": [garbage]})
    assert queue_cpus([broken], 4) == 4
    assert queue_cpus([target(queues={"vda": ["0, 1"]}), broken], 4) == 2
