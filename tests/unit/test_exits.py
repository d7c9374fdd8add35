"""The exits program, built and run right here, and the reader of what it prints."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from nestlab.errors import WorkloadError
from nestlab.workload.exits import Exits
from nestlab.workload.protocol import Case, Envelope

GOLDEN = Path(__file__).parents[1] / "golden" / "exits"
EXITS = Exits(samples=2000)
CASES = {case.case: case for case in EXITS.cases(vcpus=2, queue_cpus=1)}
ENVELOPE = Envelope((0, 1), "/var/lib/lab/")


def golden(name: str) -> str:
    return (GOLDEN / f"{name}.json").read_text()


def test_the_source_is_put_and_built_where_it_runs() -> None:
    command = EXITS.command(CASES["timer"], ENVELOPE)
    (source,) = command.files
    assert source.path == "/var/lib/lab/exits/exits.c"
    ((*build, program, built),) = command.prepare
    assert (build[0], program, built) == ("gcc", "/var/lib/lab/exits/exits", source.path)
    assert command.argv == ("taskset", "-c", "0,1", program, "timer", "2000")
    assert command.cleanup == (("rm", "-rf", "--", "/var/lib/lab/exits"),)
    assert not command.cold  # it touches no disk


def test_huge_pages_are_a_tenth() -> None:
    assert CASES["touch-2m"].number("samples") == 200
    assert Exits(samples=3).cases(vcpus=1, queue_cpus=1)[-1].number("samples") == 1


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_reads_real_output(case: Case) -> None:
    parsed = EXITS.parse(case, golden(case.case).encode())
    values = [figure.value for figure in parsed.figures]
    assert [figure.metric for figure in parsed.figures] == ["mean", "p50", "p90", "p99"]
    assert 0 < values[1] <= values[2] <= values[3]
    assert {(figure.unit, figure.better) for figure in parsed.figures} == {("ns", "lower")}
    assert parsed.tool_version == "nestlab-exits 1"
    assert parsed.elapsed


def test_what_a_machine_has_not_got_is_unavailable() -> None:
    with pytest.raises(WorkloadError, match="needs two of them") as caught:
        EXITS.parse(CASES["wakeup"], golden("unavailable").encode())
    assert caught.value.code == "workload.unavailable"


Edit = Callable[[str], str]
EDITS: dict[str, Edit] = {
    "empty": lambda _: "",
    "cut off": lambda t: t[:-20],
    "not ours": lambda _: "{}",
    "a later format": lambda t: t.replace('exits": 1', 'exits": 2'),
    "another test": lambda t: t.replace("timer", "cpuid"),
    "fewer samples": lambda t: t.replace('"samples": 2000', '"samples": 1999'),
    "no figures": lambda t: t.replace('"ns"', '"us"'),
    "a text": lambda t: t.replace('"p90": ', '"p90": "x", "was": '),
    "negative": lambda t: t.replace('"p50": ', '"p50": -'),
    "infinite": lambda t: t.replace('"max": ', '"max": Infinity, "was": '),
    "out of order": lambda t: t.replace('"p99": ', '"p99": 1, "was": '),
    "a reason that is none": lambda _: '{"nestlab-exits": 1, "unavailable": 7}',
    "deeply nested": lambda _: '{"a":' * 100_000,
    "bytes": lambda t: t + "\udcff",
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_output_that_is_not_known_is_an_error(edit: Edit) -> None:
    damaged = edit(golden("timer"))
    assert damaged != golden("timer")
    with pytest.raises(WorkloadError) as caught:
        EXITS.parse(CASES["timer"], damaged.encode("utf-8", "surrogateescape"))
    assert caught.value.code == "workload.unreadable-output"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program, built here by the command of the workload, with warnings as errors."""
    if shutil.which("gcc") is None:
        pytest.skip("this machine has no gcc")
    folder = tmp_path_factory.mktemp("exits")
    command = Exits().command(CASES["cpuid"], Envelope((0,), str(folder)))
    for file in command.files:
        Path(file.path).parent.mkdir()
        Path(file.path).write_bytes(file.data)
    for argv in command.prepare:
        subprocess.run((*argv, "-Wextra", "-Werror"), check=True)
    return folder


@pytest.mark.parametrize("case", Exits(samples=50).cases(vcpus=2, queue_cpus=1), ids=str)
def test_it_runs_on_this_machine(case: Case, built: Path) -> None:
    argv = Exits().command(case, Envelope((0, 1), str(built))).argv[3:]
    done = subprocess.run(argv, capture_output=True, check=True)
    if b"unavailable" in done.stdout:  # one CPU, another architecture, no huge pages: said so
        assert case.case in {"wakeup", "cpuid", "touch-2m"}
        return
    parsed = Exits().parse(case, done.stdout)
    assert len(parsed.figures) == 4
    assert all(figure.value > 0 for figure in parsed.figures)


@pytest.mark.parametrize("words", [(), ("cpuid",), ("cpuid", "0"), ("nothing", "3")])
def test_a_wrong_command_line_is_refused(words: tuple[str, ...], built: Path) -> None:
    done = subprocess.run((built / "exits" / "exits", *words), capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"exits" in done.stderr
