import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from nestlab.errors import WorkloadError
from nestlab.workload.protocol import Case, Envelope
from nestlab.workload.stress_ng import StressNg

GOLDEN = Path(__file__).parents[1] / "golden" / "stress-ng"
STRESS = StressNg(seconds=1)
CASES = {case.case: case for case in STRESS.cases(vcpus=2, queue_cpus=1)}
VM = CASES["vm"]


def golden(name: str) -> str:
    return (GOLDEN / f"{name}.yaml").read_text()


def test_the_command() -> None:
    command = STRESS.command(VM, Envelope((2, 3), "/var/lib/lab/"))
    assert command.argv[:5] == ("taskset", "-c", "2,3", "sh", "-c")
    assert command.argv[6:] == (
        *("/var/lib/lab/stress-ng.yaml", "--quiet", "--metrics", "--timeout", "1"),
        *("--temp-path", "/var/lib/lab", "--vm", "2", "--vm-bytes", "64M"),
    )
    assert command.cleanup == (("rm", "-f", "--", "/var/lib/lab/stress-ng.yaml"),)
    assert command.expected_seconds == 1


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_reads_real_output(case: Case) -> None:
    parsed = STRESS.parse(case, golden(case.case).encode())
    (figure,) = parsed.figures
    assert (figure.metric, figure.unit, figure.better) == (
        *("bogo_ops_per_second", "bogo ops/s", "higher"),
    )
    assert f"bogo-ops-per-second-real-time: {figure.value:.6f}" in golden(case.case)
    assert parsed.tool_version == "stress-ng 0.15.06"
    assert parsed.elapsed == pytest.approx(1, abs=0.1)


def test_a_tag_is_not_obeyed() -> None:
    text = golden("vm").replace("metrics:", "metrics: !!python/name:os.system")
    assert STRESS.parse(VM, text.encode()) == STRESS.parse(VM, golden("vm").encode())


def test_a_stressor_that_did_nothing_failed() -> None:
    text = golden("vm").replace("real-time: ", "real-time: 0.000000\n      was: ")
    with pytest.raises(WorkloadError, match="did nothing") as caught:
        STRESS.parse(VM, text.encode())
    assert caught.value.code == "workload.failed"


Edit = Callable[[str], str]
EDITS: dict[str, Edit] = {
    "empty": lambda _: "",
    "the beginning alone": lambda _: "---\ns",
    "no version": lambda t: t.replace("stress-ng-version", "version"),
    "no metrics": lambda t: t.replace("metrics:", "figures:"),
    "two stressors": lambda t: t.replace("...", "    - stressor: cpu\n..."),
    "another stressor": lambda t: t.replace("stressor: vm", "stressor: cpu"),
    "a rate that is a word": lambda t: t.replace("real-time: ", "real-time: much"),
    "a rate without end": lambda t: t.replace("real-time: ", "real-time: inf\n      was: "),
    "negative": lambda t: t.replace("real-time: ", "real-time: -"),
    "no rate": lambda t: t.replace("real-time", "time"),
    "another document": lambda t: t + "---\n- 1\n",
    "far too long": lambda t: t + "# " + "x" * 70_000,
    "deeply nested": lambda _: "[" * 5000,
    "bytes": lambda t: t + "\udcff",
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_output_that_is_not_known_is_an_error(edit: Edit) -> None:
    damaged = edit(golden("vm"))
    assert damaged != golden("vm")
    with pytest.raises(WorkloadError) as caught:
        STRESS.parse(VM, damaged.encode("utf-8", "surrogateescape"))
    assert caught.value.code == "workload.unreadable-output"


@pytest.mark.skipif(shutil.which("stress-ng") is None, reason="this machine has no stress-ng")
def test_it_runs_on_this_machine(tmp_path: Path) -> None:
    (case,) = [case for case in STRESS.cases(vcpus=1, queue_cpus=1) if case.case == "pipe"]
    argv = STRESS.command(case, Envelope((0,), str(tmp_path))).argv[3:]
    done = subprocess.run(argv, capture_output=True, check=True)
    assert STRESS.parse(case, done.stdout).figures[0].value > 0
