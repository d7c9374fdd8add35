"""Workloads that do not come with nestlab: those of a lab file and of other packages."""

import sys
from pathlib import Path

import pytest

from nestlab.errors import UsageError, WorkloadError
from nestlab.spec.choice import parse_choice
from nestlab.spec.load import parse
from nestlab.workload import builtin
from nestlab.workload.custom import Custom, custom
from nestlab.workload.installed import installed
from nestlab.workload.protocol import Envelope

LAB = """
name: lab
guests: [{name: l1}]
bench:
  rounds: 3
  workloads:
    - fio: {rw: randread}
    - name: score
      command: [my prog, --fast]
      metric: {regex: '^score: ([0-9.]+)$'}
      unit: points
      better: higher
    - name: rate
      command: [sh, -c, 'echo {}']
      metric: {json: jobs.1.rate}
      unit: MB/s
      better: lower
      seconds: 5
"""


def of_lab() -> tuple[Custom, ...]:
    return custom(parse(LAB).bench.own, taken=builtin.names())


SCORE, RATE = of_lab()
(CASE,) = SCORE.cases(vcpus=2, queue_cpus=1)


def test_a_lab_file_brings_its_own() -> None:
    lab = parse(LAB)
    assert lab.bench.rounds == 3
    assert lab.bench.workloads[0] == parse_choice("fio:rw=randread")
    assert [workload.name for workload in of_lab()] == ["score", "rate"]
    assert parse("guests: [{name: l1}]").bench.own == ()


def test_its_words_are_run_as_they_are_in_the_folder_to_be_measured() -> None:
    command = SCORE.command(CASE, Envelope((0, 1), "/var/lib/lab"))
    assert command.argv[:5] == ("taskset", "-c", "0,1", "sh", "-c")
    assert command.argv[6:] == ("/var/lib/lab", "my prog", "--fast")
    assert command.expected_seconds == 60
    assert SCORE.needs == ("taskset", "sh", "my prog")
    assert RATE.command(CASE, Envelope((0,), "/x")).expected_seconds == 5
    assert CASE.params == {"command": "'my prog' --fast", "vcpus": 2}


def test_figures() -> None:
    (figure,) = SCORE.parse(CASE, b"hello\nscore: 12.5\nbye\n").figures
    assert (figure.metric, figure.unit, figure.better, figure.value) == (
        *("value", "points", "higher", 12.5),
    )
    (figure,) = RATE.parse(CASE, b'{"jobs": [{}, {"rate": 7}]}').figures
    assert (figure.unit, figure.better, figure.value) == ("MB/s", "lower", 7.0)


@pytest.mark.parametrize(
    ("workload", "output", "message"),
    [
        (SCORE, b"", "is there 0 times"),
        (SCORE, b"score: 1\nscore: 2\n", "is there 2 times"),
        (SCORE, b"score: 1.2.3\n", "not a number"),
        (SCORE, b"score: " + b"9" * 400 + b"\n", "not a number"),
        (RATE, b"rate 7", "not JSON"),
        (RATE, b"{}", "no number at 'jobs.1.rate'"),
        (RATE, b'{"jobs": [{"rate": 7}]}', "no number"),
        (RATE, b'{"jobs": {"1": {"rate": "7"}}}', "no number"),
        (RATE, b'{"jobs": [0, {"rate": true}]}', "no number"),
        (RATE, b'{"jobs": [0, {"rate": NaN}]}', "not a number"),
        (RATE, b"[" * 100_000, "not JSON"),
    ],
)
def test_a_figure_is_never_guessed(workload: Custom, output: bytes, message: str) -> None:
    with pytest.raises(WorkloadError, match=message) as caught:
        workload.parse(CASE, output)
    assert caught.value.code == "workload.unreadable-output"


@pytest.mark.parametrize("name", ["fio", "rate"])
def test_a_name_that_is_taken_is_refused(name: str) -> None:
    lab = parse(LAB.replace("name: score", f"name: {name}"))
    with pytest.raises(UsageError, match="already") as caught:
        custom(lab.bench.own, taken=builtin.names())
    assert caught.value.code == "workload.name-taken"


PLUGIN = """
from nestlab.workload.exits import Exits
class Mine(Exits):
    name = "mine"
class Other(Exits):
    pass
def broken():
    raise OSError("no licence")
class Nothing:
    name = "nothing"
"""
ENTRIES = """[nestlab.workloads]
mine = their_workloads:Mine
other = their_workloads:Other
broken = their_workloads:broken
nothing = their_workloads:Nothing
absent = their_workloads:Absent
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package with entry points, installed in a folder of its own."""
    (tmp_path / "their_workloads.py").write_text(PLUGIN)
    info = tmp_path / "their_workloads-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: their-workloads\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRIES)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "their_workloads", raising=False)


@pytest.mark.usefixtures("package")
def test_a_package_brings_its_own() -> None:
    found = installed(["mine", "unknown"])
    assert list(found) == ["mine"]
    (workload,) = builtin.selected(["mine"], "quick", others=found)
    assert workload.name == "mine"
    assert installed([]) == {}


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("other", "calls itself 'exits'"),
        ("broken", "OSError: no licence"),
        ("nothing", "has no needs"),
        ("absent", "AttributeError"),
    ],
)
def test_one_that_cannot_be_used_is_said_with_its_package(name: str, why: str) -> None:
    with pytest.raises(UsageError, match=why) as caught:
        installed([name])
    assert caught.value.code == "workload.not-loaded"
    assert "their-workloads" in (caught.value.hint or "")
