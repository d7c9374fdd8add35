"""The whole demo as a process: its table, its files, and what it leaves: nothing."""

import json
import signal
import subprocess
from pathlib import Path

import jsonschema
import pytest

from demo_process import DemoProcess
from leftovers import snapshot
from nestlab.result.schema import result_schema

QUICK = ("--quick", "--rounds", "1")


@pytest.fixture(autouse=True)
def _nothing_is_left() -> object:
    before = snapshot()
    yield
    assert snapshot() == before


def runs(home: Path) -> list[Path]:
    return sorted((home / "nestlab" / "runs").iterdir())


def no_labs(home: Path) -> bool:
    return not list((home / "nestlab" / "labs").iterdir())


def test_the_chain_is_measured_and_taken_down(tmp_path: Path) -> None:
    demo = DemoProcess.start(*QUICK, "--json", home=tmp_path)
    status, out = demo.end()
    assert status == 0, demo.lines
    result = json.loads(out)
    jsonschema.validate(result, result_schema())
    (run,) = runs(tmp_path)
    assert json.loads((run / "result.json").read_text()) == result
    assert no_labs(tmp_path)
    _is_verified(result)
    _is_what_fio_said(result, run)
    for guest in ("l1", "l1.l2"):
        assert "nestlab: ready" in (run / "machines" / guest / "console.log").read_text()


def _is_verified(result: dict[str, list[dict[str, object]]]) -> None:
    machines = {str(machine["path"]): machine for machine in result["machines"]}
    assert list(machines) == ["l0", "l1", "l1/l2"]
    verified = machines["l1/l2"]["verified"]
    assert isinstance(verified, dict)
    assert verified["kvm_enabled"] is True
    assert verified["hypervisor_vendor"] == "KVM"
    assert verified["guest_ran"] is True
    assert verified["nested"] is True
    assert machines["l1/l2"]["accelerator"] == "kvm"
    for path in ("l1", "l1/l2"):
        facts = machines[path]["facts"]
        assert isinstance(facts, dict)
        assert facts["conditions"]["clocksource"] == "tsc"


def _is_what_fio_said(result: dict[str, list[dict[str, object]]], run: Path) -> None:
    """Every IOPS figure is fio's own, read here independently from the raw output."""
    checked = 0
    for series in result["series"]:
        assert series["status"] == "ok", series
        if series["metric"] != "iops":
            continue
        samples = series["samples"]
        assert isinstance(samples, list)
        for sample in samples:
            raw = (run / sample["raw"]).read_text()
            (job,) = json.loads(raw[raw.index("{\n") :])["jobs"]
            side = job["read" if series["case"] == "randread" else "write"]
            assert sample["value"] == side["iops"]
            assert sample["elapsed"] >= sample["elapsed_guest"] - 0.5
            checked += 1
    assert checked == 6


@pytest.mark.parametrize(
    ("step", "number", "status"),
    [
        ("l0: probing", signal.SIGTERM, 143),
        ("l1: starting QEMU", signal.SIGINT, 130),
        ("l1: kernel is up", signal.SIGTERM, 143),
        ("l1: becoming a hypervisor", signal.SIGINT, 130),
        ("l1/l2: starting QEMU", signal.SIGTERM, 143),
        ("l1/l2: kernel is up", signal.SIGINT, 130),
        ("l1/l2: verifying", signal.SIGTERM, 143),
        ("l1/l2: sysbench", signal.SIGINT, 130),
    ],
)
def test_interrupted(step: str, number: signal.Signals, status: int, tmp_path: Path) -> None:
    demo = DemoProcess.start(*QUICK, home=tmp_path)
    demo.wait_for(step)
    demo.signal(number)
    assert demo.end(120) == (status, "")
    assert any("taking everything down" in line for line in demo.lines)
    labs = tmp_path / "nestlab" / "labs"
    assert not labs.exists() or no_labs(tmp_path)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted_while_the_image_is_built(
    number: signal.Signals, status: int, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    demo = DemoProcess.start(home=tmp_path / "state", XDG_CACHE_HOME=str(cache))
    demo.wait_for("image: unpacking")
    with pytest.raises(subprocess.TimeoutExpired):
        demo.process.wait(8)
    demo.signal(number)
    assert demo.end(60) == (status, "")
    left = [path.name for path in (cache / "nestlab" / "images").iterdir()]
    assert left == [".lock"]


def test_two_demos_at_the_same_time(tmp_path: Path) -> None:
    both = [
        DemoProcess.start(*QUICK, "--depth", "1", "--json", home=tmp_path / name)
        for name in ("a", "b")
    ]
    results = [demo.end() for demo in both]
    assert [status for status, _ in results] == [0, 0], [demo.lines[-5:] for demo in both]
    ids = {json.loads(out)["run"]["id"] for _, out in results}
    assert len(ids) == 2


def test_kept_entered_and_taken_down(tmp_path: Path) -> None:
    """`--keep`: the printed commands work, with OpenSSH's own strict checking."""
    demo = DemoProcess.start(*QUICK, "--keep", home=tmp_path)
    status, _ = demo.end()
    assert status == 0, demo.lines
    told = [line.strip() for line in demo.lines if line.strip().startswith("ssh -F")]
    assert len(told) == 2
    for command, name in zip(told, ("l1", "l2"), strict=True):
        done = subprocess.run(
            [*command.split(), "hostname"], capture_output=True, text=True, check=False,
            stdin=subprocess.DEVNULL, timeout=60,
        )  # fmt: skip
        assert done.stdout.strip() == name, done.stderr
    _take_down(demo, tmp_path)


def _take_down(demo: DemoProcess, home: Path) -> None:
    import os
    import sys

    env = {**os.environ, "XDG_STATE_HOME": str(home)}
    nestlab = [sys.executable, "-m", "nestlab"]
    listed = subprocess.run([*nestlab, "ls", "--json"], capture_output=True, env=env, check=True)
    (lab,) = json.loads(listed.stdout)["labs"]
    assert lab["state"] == "kept"
    assert lab["machines"] == ["l1", "l1/l2"]
    (command,) = [line for line in demo.lines if "take it down:" in line]
    assert command.endswith(f"nestlab down {lab['lab']}")
    subprocess.run([*nestlab, "down", lab["lab"]], check=True, env=env)
    assert no_labs(home)


def test_what_a_killed_demo_left_is_swept_by_the_next(tmp_path: Path) -> None:
    demo = DemoProcess.start(*QUICK, home=tmp_path)
    demo.wait_for("l1: kernel is up")
    demo.signal(signal.SIGKILL)
    demo.process.wait()
    assert not no_labs(tmp_path)
    following = DemoProcess.start(*QUICK, home=tmp_path)
    following.wait_for("left over from a nestlab that was killed")
    following.wait_for("l1: starting QEMU")
    following.signal(signal.SIGTERM)
    assert following.end(60)[0] == 143
    assert no_labs(tmp_path)
