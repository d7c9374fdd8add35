"""The workloads of a lab file, with their options applied."""

from typing import Any

import pytest

from nestlab.errors import UsageError
from nestlab.hypervisor.qemu.twin import twin
from nestlab.spec.bench import Bench
from nestlab.spec.load import parse
from nestlab.units import KIB, MIB
from nestlab.workload.chosen import Sources, job_files_of, workloads_of
from nestlab.workload.fio import Fio
from nestlab.workload.labelled import Labelled
from nestlab.workload.protocol import Case, Envelope, Peer, Workload, runs_on_parent, wants_peer
from nestlab.workload.unixbench_text import PARTS
from plan_examples import L2

TREE = Sources(unixbench=b"tar")


def bench(*entries: str) -> Bench:
    lines = "".join(f"    - {entry}\n" for entry in entries)
    return parse(f"guests: [{{name: l1}}]\nbench:\n  workloads:\n{lines}").bench


def made(*entries: str) -> tuple[Workload, ...]:
    return workloads_of(bench(*entries), "quick", TREE)


def cases(*entries: str, vcpus: int = 2) -> list[str]:
    found = [each.cases(vcpus=vcpus, queue_cpus=1) for each in made(*entries)]
    return [case.case for each in found for case in each]


def test_a_lab_that_names_none_has_the_default_ones() -> None:
    lab = parse("guests: [{name: l1}]")
    assert [each.name for each in workloads_of(lab.bench, "demo")] == ["sysbench-cpu", "fio"]


def test_options_replace_what_the_size_of_the_run_has() -> None:
    (fio,) = made("fio: {rw: randread, bs: 64KiB}")
    assert isinstance(fio, Fio)
    assert (fio.rw, fio.bs, fio.size, fio.runtime) == ("randread", 64 * KIB, 64 * MIB, 5)
    (case,) = fio.cases(vcpus=2, queue_cpus=1)
    assert case.case == "randread"
    assert case.params["bs"] == "64k"


@pytest.mark.parametrize(
    ("entry", "names", "params"),
    [
        ("sysbench-cpu: {threads: [3], seconds: 7}", ["cpu-3"], {"threads": 3, "time": 7}),
        ("sysbench-memory: {threads: 1}", ["read-1", "write-1"], {"threads": 1, "time": 3}),
        ("sysbench-threads: {threads: [4, vcpus]}", ["threads-2", "threads-4"], {"time": 3}),
        ("sysbench-threads: {}", ["threads-16"], {"threads": 16, "yields": 1000}),
        ("sysbench-mutex: {threads: 4, locks: 9}", ["mutex-4"], {"locks": 9, "threads": 4}),
        ("stress-ng: {stressors: [vm, cpu]}", ["vm", "cpu"], {"time": 3, "workers": 2}),
        ("build: {units: 2, jobs: [8]}", ["make-8"], {"units": 2, "jobs": 8}),
        ("exits: {samples: 50}", ["cpuid", "timer", "wakeup", "fault-4k", "touch-4k", "touch-2m"],
         {"samples": 50}),
        ("unixbench: {copies: [1, vcpus, 4]}", ["short-1", "short-2", "short-4"], {"copies": 1}),
        ("unixbench: {tests: [pipe, execl], copies: 1}", ["tests-1"], {"tests": "execl pipe"}),
        ("iperf3: {streams: [2], seconds: 4}", ["parent-2", "parent-2-reverse", "sibling-2",
                                                "sibling-2-reverse"], {"time": 4, "streams": 2}),
        ("boot: {timeout: 90}", ["cold"], {"timeout": 90, "vcpus": 1, "memory_mib": 512}),
    ],
)  # fmt: skip
def test_every_workload_takes_its_options(
    entry: str, names: list[str], params: dict[str, Any]
) -> None:
    assert cases(entry) == names
    (workload,) = made(entry)
    first = workload.cases(vcpus=2, queue_cpus=1)[0]
    assert {key: first.params[key] for key in params} == params
    peer, guest = Peer("l0", "10.0.0.1", 5201), twin(L2, firmware=None)
    assert workload.command(first, Envelope((0, 1), "/x", peer=peer, guest=guest)).argv


def test_an_index_is_there_only_when_all_parts_run() -> None:
    (some,) = made("unixbench: {tests: [pipe]}")
    assert [metric.metric for metric in some.metrics] == ["pipe"]
    (whole,) = made(f"unixbench: {{tests: [{', '.join(PARTS)}]}}")
    assert whole.metrics[0].metric == "index"
    assert whole.cases(vcpus=1, queue_cpus=1)[0].case == "copies-1"


def test_one_that_is_chosen_twice_says_how_its_cases_differ() -> None:
    assert cases("fio: {rw: randread}", "fio: {rw: randwrite}") == ["randread", "randwrite"]
    found = cases("fio: {rw: randread}", "fio: {rw: randread, bs: 64k}")
    assert found == ["randread", "randread bs=64KiB"]
    plain, labelled = made("iperf3: {seconds: 3}", "iperf3: {seconds: 4}")
    assert isinstance(labelled, Labelled)
    assert wants_peer(labelled)
    assert not runs_on_parent(labelled)
    assert runs_on_parent(made("boot: {timeout: 3}", "boot: {timeout: 4}")[1])
    assert (labelled.name, labelled.needs) == (plain.name, plain.needs)


def test_a_long_label_is_cut_and_still_its_own() -> None:
    paths = [f"{'x' * 100}{number}.fio" for number in (1, 2)]
    files = dict.fromkeys(paths, b"[a]\n")
    found = bench(*(f"fio: {{jobfile: {path}}}" for path in paths))
    one, two = workloads_of(found, "quick", Sources(job_files=files))
    names = [each.cases(vcpus=1, queue_cpus=1)[0].case for each in (one, two)]
    assert len(set(names)) == 2
    assert max(map(len, names)) < 100


def test_a_label_is_not_in_the_way_of_command_and_output() -> None:
    stress = made("stress-ng: {seconds: 3}", "stress-ng: {seconds: 4}")[1]
    case = stress.cases(vcpus=2, queue_cpus=1)[0]
    assert case.case == "cpu seconds=4"
    assert "--cpu" in stress.command(case, Envelope((0,), "/x")).argv
    assert isinstance(case, Case)


@pytest.mark.parametrize(
    "entries",
    [
        ("fio: {}", "fio: {rw: randread}"),
        ("exits: {samples: 50}", "exits: {samples: 50}"),
        ("fio: {}", "fio: {}"),
    ],
)
def test_equal_cases_are_refused(entries: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="is there twice") as caught:
        made(*entries)
    assert caught.value.code == "workload.twice"


def test_a_name_that_nobody_has() -> None:
    with pytest.raises(UsageError, match="no workload 'mine'") as caught:
        made("mine: {}")
    assert caught.value.code == "workload.unknown"


def test_ones_own_stand_between_the_others() -> None:
    own = "{name: own, command: [a], metric: {json: a}, unit: s, better: lower}"
    assert [each.name for each in made("exits: {}", own, "build: {}")] == ["exits", "own", "build"]


def test_a_job_file_is_what_its_path_says() -> None:
    entries = ("fio: {jobfile: a.fio, size: 2MiB}", "fio: {jobfile: b.fio}")
    found = bench(*entries)
    assert job_files_of(found.chosen) == ("a.fio", "b.fio")
    files = {"a.fio": b"[a]\nrw=randrw\n", "b.fio": b"[b]\nrw=read\n"}
    a, b = workloads_of(found, "quick", Sources(job_files=files))
    assert {metric.metric for metric in a.metrics} >= {"read_iops", "write_iops", "cpu_use"}
    assert {metric.metric for metric in b.metrics} >= {"iops", "cpu_use"}
    case = a.cases(vcpus=1, queue_cpus=1)[0]
    assert case.case == "jobfile size=2MiB jobfile=a.fio"
