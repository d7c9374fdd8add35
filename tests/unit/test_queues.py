import pytest
from hypothesis import given
from hypothesis import strategies as st

from nestlab.workload.queues import CPU_LIMIT, cpus_of_queues


@pytest.mark.parametrize(
    ("texts", "cpus"),
    [
        (["0, 1\n"], {0, 1}),  # the document's /sys/block/vda/mq/0/cpu_list
        (["0\n", "1\n"], {0, 1}),
        (["0-3\n"], {0, 1, 2, 3}),
        (["0-1, 4\n", "2-3,5"], {0, 1, 2, 3, 4, 5}),
        (["0, 1\n", "0, 1\n"], {0, 1}),
        (["\n", "3\n"], {3}),  # a queue without CPUs beside one that has some
    ],
)
def test_reads_what_linux_prints(texts: list[str], cpus: set[int]) -> None:
    assert cpus_of_queues(texts) == frozenset(cpus)


@pytest.mark.parametrize(
    "texts",
    [[], [""], ["x"], ["1-"], ["3-1"], ["0 1"], ["0,,1"], ["-1"], ["0-99999"], ["²"], ["0", "?"]],
)
def test_refuses_everything_else(texts: list[str]) -> None:
    assert cpus_of_queues(texts) is None


@given(st.frozensets(st.integers(0, CPU_LIMIT - 1), min_size=1, max_size=50))
def test_any_set_of_cpus_survives(cpus: frozenset[int]) -> None:
    assert cpus_of_queues([", ".join(map(str, sorted(cpus)))]) == cpus
