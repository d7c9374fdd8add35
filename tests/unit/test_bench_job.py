"""From the words of `nestlab bench` to what is measured."""

import asyncio
from pathlib import Path

import pytest

from nestlab.bench.course import Course
from nestlab.bench.order import FILE, BenchOrder, asked, write_order
from nestlab.cli.bench import fraction
from nestlab.errors import NestlabError, StoredDataError, UsageError
from nestlab.home import Home
from nestlab.lab.measure.bench_job import Asked, goes_on, ordered
from nestlab.lab.measure.bench_plan import bench_plan
from nestlab.result.store import RunFolder
from nestlab.spec.bench import Bench, BenchWorkload
from nestlab.spec.choice import parse_choice

LAB = """
name: mine
guests:
  - name: l1
    memory: 2GiB
    vcpus: 4
    guests: [{name: l2, memory: 1GiB, vcpus: 2}]
bench:
  rounds: 7
  workloads:
    - sysbench-cpu: {}
    - {name: own, command: [echo, x1], metric: {regex: 'x(1)'}, unit: x, better: lower, seconds: 9}
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "cache", tmp_path / "state")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    found = tmp_path / "lab.yaml"
    found.write_text(LAB)
    return found


def code(work: object, *words: object, **more: object) -> str:
    with pytest.raises(NestlabError) as caught:
        work(*words, **more)  # type: ignore[operator]
    return caught.value.code


def test_a_lab_file_says_what_is_measured_and_how_often(home: Home, file: Path) -> None:
    job = ordered(home, str(file), Asked())
    assert job.goal is not None
    assert job.goal.sha256 is not None
    assert job.order.course == Course(7)
    told = asyncio.run(bench_plan(job, home))
    assert told["machines"] == ["l0", "l1", "l1/l2"]
    assert [(case["workload"], case["case"]) for case in told["cases"]] == [
        ("sysbench-cpu", "cpu-1"),
        ("sysbench-cpu", "cpu-2"),  # as many threads as the smallest machine has vCPUs
        ("own", "run"),
    ]
    assert told["turns"] == 3 * 3 * 8
    assert told["seconds"] == 3 * 8 * (10 + 10 + 9)


def test_words_go_before_the_file(home: Home, file: Path) -> None:
    asked_for = Asked(workloads=("exits",), paths=("l1",), rounds=3, quick=True, warm_up=False)
    job = ordered(home, str(file), asked_for)
    told = asyncio.run(bench_plan(job, home))
    assert told["machines"] == ["l1"]
    assert {case["workload"] for case in told["cases"]} == {"exits"}
    assert (told["rounds"], told["warm_up"]) == (3, False)
    assert ordered(home, str(file), Asked(quick=True)).order.course.rounds == 2


def test_what_is_no_lab(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert code(ordered, home, "nobody", Asked()) == "lab.unknown"
    assert code(ordered, home, None, Asked()) == "lab.unknown"
    assert code(ordered, home, "missing.yaml", Asked()) == "lab-file.unreadable"


def test_the_lab_file_of_the_folder_is_meant_when_nothing_is_said(
    home: Home, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(file.parent)
    assert ordered(home, None, Asked()).order.lab == "mine"


@pytest.mark.parametrize(
    ("words", "wanted"),
    [(("nonsense",), "workload.unknown"), (("fio", "fio", "nonsense"), "workload.unknown")],
)
def test_what_cannot_be_measured(
    home: Home, file: Path, words: tuple[str, ...], wanted: str
) -> None:
    job = ordered(home, str(file), Asked(workloads=words))
    with pytest.raises(UsageError) as caught:
        asyncio.run(bench_plan(job, home))
    assert caught.value.code == wanted


def test_what_was_asked_is_kept_and_read_again(home: Home) -> None:
    own = BenchWorkload(
        name="own", command=("a", "b"), metric=("json", "x.y"), unit="s", better="lower"
    )
    order = BenchOrder(
        lab="3f9a1c0b2d",
        workloads=("fio",),
        bench=Bench(rounds=3, workloads=(own, parse_choice("fio:rw=randread,size=1GiB"))),
        archive=Path("/x.tar"),
        paths=("l1",),
        course=Course(3, warm_up=False, until=0.02, most=9),
    )
    folder = RunFolder.create(home.runs)
    write_order(order, folder)
    assert asked(folder) == order
    assert goes_on(home, folder.id).order == order
    (folder.path / FILE).write_text("{}")
    assert code(asked, folder) == "bench.damaged"
    (folder.path / FILE).unlink()
    assert code(asked, folder) == "bench.not-resumable"


def test_a_run_that_is_not_there(home: Home) -> None:
    with pytest.raises(StoredDataError) as caught:
        goes_on(home, "nothing")
    assert caught.value.code == "result.missing"


@pytest.mark.parametrize(("text", "value"), [("2%", 0.02), ("0.5", 0.005), (" 10 % ", 0.1)])
def test_widths(text: str, value: float) -> None:
    assert fraction(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "0", "100%", "-1%", "2 per cent", "1e1", "٢%"])
def test_what_is_no_width(text: str) -> None:
    assert code(fraction, text) == "bench.until"
