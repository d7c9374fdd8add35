"""The build workload: its sources, really compiled here, and the reader of its output."""

import shutil
import subprocess
import tarfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest

from nestlab.errors import WorkloadError
from nestlab.workload.build import Build
from nestlab.workload.protocol import Envelope
from nestlab.workload.sources import archive, checksum, program

GOLDEN = Path(__file__).parents[1] / "golden" / "make"
BUILD = Build()
ONE, TWO = BUILD.cases(vcpus=2, queue_cpus=1)


def golden(name: str) -> str:
    return (GOLDEN / f"{name}.txt").read_text()


def test_the_sources_are_always_the_same() -> None:
    assert program(3) == program(3)
    assert set(program(2)) == {"common.h", "unit000.c", "unit001.c", "main.c"}
    assert archive(program(2)) == archive(program(2))
    assert len({checksum(units) for units in range(1, 9)}) == 8


def test_the_command_sends_one_file_and_compiles_all_of_it_each_time() -> None:
    command = BUILD.command(TWO, Envelope((0, 1), "/var/lib/lab"))
    (sources,) = command.files
    with tarfile.open(fileobj=BytesIO(sources.data)) as tar:
        assert set(tar.getnames()) == {"Makefile", *program(48)}
    assert command.prepare == (("tar", "-x", "-f", sources.path, "-C", "/var/lib/lab/build"),)
    assert command.argv == (
        *("taskset", "-c", "0,1", "make", "-s", "-j2", "-C", "/var/lib/lab/build", "measured"),
    )
    assert command.cleanup == (("rm", "-rf", "--", "/var/lib/lab/build"),)
    assert BUILD.command(ONE, Envelope((0,), "/x")).files[0].data == sources.data


def test_with_one_vcpu_there_is_one_case() -> None:
    assert [case.case for case in BUILD.cases(vcpus=1, queue_cpus=1)] == ["make-1"]


def test_reads_real_output() -> None:
    parsed = BUILD.parse(ONE, golden("make-1").encode())
    (figure,) = parsed.figures
    assert (figure.metric, figure.unit, figure.better, figure.value) == (
        *("seconds", "s", "lower", 7.22),
    )
    assert (parsed.tool_version, parsed.elapsed) == ("gcc 12.2.0", 7.22)


def test_a_wrong_sum_is_a_failure() -> None:
    with pytest.raises(WorkloadError, match="wrong sum") as caught:
        BUILD.parse(ONE, golden("make-1").replace("sum ", "sum 1").replace("54\n", "\n").encode())
    assert caught.value.code == "workload.failed"


Edit = Callable[[str], str]
EDITS: dict[str, Edit] = {
    "empty": lambda _: "",
    "a warning": lambda t: t + "make: warning: Clock skew detected.\n",
    "no end": lambda t: t.replace("end", "und"),
    "backwards": lambda t: t.replace("start 2", "start 9"),
    "no sum": lambda t: t[: t.index("sum")],
    "another alphabet": lambda t: t.replace("start 2", "start \u0662"),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_output_that_is_not_known_is_an_error(edit: Edit) -> None:
    damaged = edit(golden("make-1"))
    assert damaged != golden("make-1")
    with pytest.raises(WorkloadError) as caught:
        BUILD.parse(ONE, damaged.encode())
    assert caught.value.code == "workload.unreadable-output"


@pytest.mark.skipif(
    not all(map(shutil.which, ("gcc", "make", "tar"))), reason="this machine has no gcc or make"
)
def test_it_is_built_on_this_machine_and_its_sum_is_right(tmp_path: Path) -> None:
    build = Build(units=2)
    for case in build.cases(vcpus=2, queue_cpus=1):
        command = build.command(case, Envelope((0,), str(tmp_path)))
        for file in command.files:
            Path(file.path).parent.mkdir(exist_ok=True)
            Path(file.path).write_bytes(file.data)
        for argv in (*command.prepare, command.argv[3:]):
            done = subprocess.run(argv, capture_output=True, check=True)
        assert build.parse(case, done.stdout).figures[0].value > 0
