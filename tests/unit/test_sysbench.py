from collections.abc import Callable
from pathlib import Path

import pytest

from nestlab.errors import WorkloadError
from nestlab.workload import builtin
from nestlab.workload.protocol import Case, Envelope, Workload
from nestlab.workload.sysbench import SysbenchCpu

GOLDEN = Path(__file__).parents[1] / "golden" / "sysbench"
SYSBENCH = SysbenchCpu(seconds=2)
ONE, TWO = SYSBENCH.cases(vcpus=2, queue_cpus=1)


def golden(name: str) -> str:
    return (GOLDEN / name).read_text()


def test_cases_are_one_thread_and_as_many_as_vcpus() -> None:
    assert [c.case for c in SYSBENCH.cases(vcpus=4, queue_cpus=1)] == ["cpu-1", "cpu-4"]
    assert [c.case for c in SYSBENCH.cases(vcpus=1, queue_cpus=1)] == ["cpu-1"]


def test_the_command() -> None:
    command = SYSBENCH.command(TWO, Envelope((2, 3), "/tmp"))
    assert command.argv == (
        *("taskset", "-c", "2,3", "sysbench", "cpu", "--threads=2", "--time=2", "run"),
    )
    assert (command.prepare, command.cleanup, command.expected_seconds) == ((), (), 2.0)


def test_reads_real_output() -> None:
    parsed = SYSBENCH.parse(TWO, golden("cpu-2.txt").encode())
    values = {figure.metric: figure.value for figure in parsed.figures}
    assert values["events_per_second"] > 1
    assert values["latency_mean"] == pytest.approx(2000 / values["events_per_second"], rel=0.01)
    assert values["latency_p95"] > 0
    assert parsed.tool_version.startswith("sysbench 1.0.20 (using system LuaJIT")
    assert parsed.elapsed == pytest.approx(2.0, abs=0.1)
    declared = [(m.metric, m.unit, m.better) for m in SYSBENCH.metrics]
    assert [(f.metric, f.unit, f.better) for f in parsed.figures] == declared
    assert SYSBENCH.parse(ONE, golden("cpu-1.txt").encode()).elapsed


def test_a_fatal_error_is_the_tool_s_own_words() -> None:
    with pytest.raises(WorkloadError, match="Invalid value for --threads") as caught:
        SYSBENCH.parse(ONE, golden("fatal.txt").encode())
    assert caught.value.code == "workload.failed"


Edit = Callable[[str], str]
EDITS: dict[str, Edit] = {
    "empty": lambda _: "",
    "another tool": lambda t: t.replace("sysbench 1.0.20", "bench 1"),
    "an unknown line": lambda t: t + "WARNING: something new\n",
    "cut off": lambda t: t[: t.index("Latency")],
    "twice": lambda t: t + "    total time:    2.0s\n",
    "zero rate": lambda t: t.replace("per second:  ", "per second:  0.00\n#"),
    "another unit": lambda t: t.replace("Latency (ms)", "Latency (us)"),
    "an average that is none": lambda t: t.replace("avg:      ", "avg:     9"),
    "bytes": lambda t: t + "\udcff",
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
def test_output_that_is_not_known_is_an_error(edit: Edit) -> None:
    damaged = edit(golden("cpu-2.txt"))
    assert damaged != golden("cpu-2.txt")
    with pytest.raises(WorkloadError) as caught:
        SYSBENCH.parse(TWO, damaged.encode("utf-8", "surrogateescape"))
    assert caught.value.code == "workload.unreadable-output"


def test_the_damaged_copy_names_its_line() -> None:
    with pytest.raises(WorkloadError, match="events per minute"):
        SYSBENCH.parse(TWO, golden("cpu-2-damaged.txt").encode())


def test_reads_the_output_of_another_build() -> None:
    parsed = SYSBENCH.parse(TWO, golden("cpu-2-luajit-2025.txt").encode())
    assert parsed.tool_version == "sysbench 1.0.20 (using system LuaJIT 2.1.1761786044)"
    assert parsed.figures[0].value == 1309.5


@pytest.mark.parametrize(
    ("name", "case", "said"),
    [
        ("cpu-2-0.4.12", TWO, "the first line is not the version"),
        ("cpu-2-0.5", TWO, "the first line is not the version"),
        ("cpu-2-1.1.0", TWO, "this line is unknown: 'Throughput:'"),
        ("cpu-1-truncated", ONE, "this line is unknown: '         min:   '"),
        ("cpu-2-number-as-text", TWO, "events per second:  many"),
        ("cpu-2-section-twice", TWO, "total_time is said twice"),
    ],
)
def test_other_versions_and_damaged_copies_are_refused(name: str, case: Case, said: str) -> None:
    with pytest.raises(WorkloadError, match=said) as caught:
        SYSBENCH.parse(case, golden(f"{name}.txt").encode())
    assert caught.value.code == "workload.unreadable-output"
    assert "sysbench 1.0" in (caught.value.hint or "")


def test_the_output_must_be_of_the_case() -> None:
    with pytest.raises(WorkloadError, match="2 threads in case cpu-1"):
        SYSBENCH.parse(ONE, golden("cpu-2.txt").encode())


@pytest.mark.parametrize("workloads", [builtin.full(), builtin.quick()], ids=["full", "quick"])
def test_built_in_workloads_keep_their_promises(workloads: tuple[Workload, ...]) -> None:
    names = [workload.name for workload in workloads]
    assert len(set(names)) == len(names)
    for workload in workloads:
        for case in workload.cases(vcpus=2, queue_cpus=2):
            assert case.workload == workload.name
            command = workload.command(case, Envelope((0, 1), "/x"))
            started = [argv[0] for argv in (*command.prepare, command.argv, *command.cleanup)]
            assert set(started) <= set(workload.needs)
            assert command.argv[3] in workload.needs
            assert command.expected_seconds > 0
