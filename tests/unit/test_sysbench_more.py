"""sysbench memory, threads and mutex."""

from collections.abc import Callable
from pathlib import Path

import pytest

from nestlab.errors import WorkloadError
from nestlab.workload.protocol import Case, Envelope, Workload
from nestlab.workload.sysbench_memory import SysbenchMemory
from nestlab.workload.sysbench_threads import SysbenchMutex, SysbenchThreads

GOLDEN = Path(__file__).parents[1] / "golden" / "sysbench"
MEMORY, THREADS, MUTEX = SysbenchMemory(seconds=2), SysbenchThreads(seconds=2), SysbenchMutex()
ENVELOPE = Envelope((0, 1), "/x")

FILES: dict[str, tuple[Workload, Case]] = {
    (f"memory-{case.case}" if workload is MEMORY else case.case): (workload, case)
    for workload in (MEMORY, THREADS, MUTEX)
    for case in workload.cases(vcpus=2, queue_cpus=1)
}


def golden(name: str) -> str:
    return (GOLDEN / f"{name}.txt").read_text()


def test_cases() -> None:
    assert list(FILES) == [
        *("memory-read-1", "memory-read-2", "memory-write-1", "memory-write-2"),
        *("threads-16", "mutex-16"),
    ]
    assert [c.case for c in MEMORY.cases(vcpus=1, queue_cpus=1)] == ["read-1", "write-1"]


def test_commands() -> None:
    _, case = FILES["memory-write-2"]
    assert MEMORY.command(case, ENVELOPE).argv[3:] == (
        *("sysbench", "memory", "--threads=2", "--time=2", "--memory-block-size=67108864"),
        *("--memory-total-size=10000G", "--memory-oper=write", "run"),
    )
    _, case = FILES["threads-16"]
    assert THREADS.command(case, ENVELOPE).argv[3:] == (
        *("sysbench", "threads", "--threads=16", "--time=2", "--thread-yields=1000"),
        *("--thread-locks=8", "run"),
    )
    _, case = FILES["mutex-16"]
    assert MUTEX.command(case, ENVELOPE).argv[3:] == (
        *("sysbench", "mutex", "--threads=16", "--mutex-locks=50000", "--mutex-num=4096"),
        *("--mutex-loops=10000", "run"),
    )


@pytest.mark.parametrize("name", FILES)
def test_reads_real_output(name: str) -> None:
    workload, case = FILES[name]
    parsed = workload.parse(case, golden(name).encode())
    declared = [(m.metric, m.unit, m.better) for m in workload.metrics]
    assert [(f.metric, f.unit, f.better) for f in parsed.figures] == declared
    assert all(figure.value > 0 for figure in parsed.figures)
    assert parsed.tool_version.startswith("sysbench 1.0.20")
    assert parsed.elapsed


def test_the_figures_are_those_of_the_text() -> None:
    found = {
        name: [figure.value for figure in workload.parse(case, golden(name).encode()).figures]
        for name, (workload, case) in FILES.items()
    }
    assert found["memory-write-2"] == [21533.95]
    assert found["mutex-16"] == [2.2916]
    rate, mean, p95 = found["threads-16"]
    assert rate * mean / 1000 == pytest.approx(16, rel=0.05)  # what 16 threads do in a second
    assert p95 == 89.16


Edit = Callable[[str], str]
EDITS: dict[str, tuple[str, Edit]] = {
    "another operation": ("memory-write-2", lambda t: t.replace(": write", ": read")),
    "another block": ("memory-write-2", lambda t: t.replace("65536KiB", "1KiB")),
    "another unit": ("memory-write-2", lambda t: t.replace("MiB/sec", "MB/sec")),
    "another scope": ("memory-write-2", lambda t: t.replace("global", "local")),
    "no bandwidth": ("memory-write-2", lambda t: t.replace("(21533.95", "(0.00")),
    "other threads": ("threads-16", lambda t: t.replace("threads: 16", "threads: 2")),
    "cut off": ("threads-16", lambda t: t[: t.index("Latency")]),
    "a new line": ("mutex-16", lambda t: t + "Locks: 3\n"),
    "a wrong average": ("mutex-16", lambda t: t.replace("avg:    ", "avg:    9")),
    "cpu's line": ("threads-16", lambda t: t + "CPU speed:\n"),
}


@pytest.mark.parametrize(("name", "edit"), EDITS.values(), ids=EDITS)
def test_output_that_is_not_known_is_an_error(name: str, edit: Edit) -> None:
    workload, case = FILES[name]
    damaged = edit(golden(name))
    assert damaged != golden(name)
    with pytest.raises(WorkloadError) as caught:
        workload.parse(case, damaged.encode())
    assert caught.value.code == "workload.unreadable-output"
