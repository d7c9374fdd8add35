"""`nestlab bench` on a real L1 and a KVM guest in it: figures, faults, and going on."""

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab_user import User, labs_left
from leftovers import snapshot
from nestlab.image.store import Image

pytestmark = pytest.mark.vm

ASLEEP = "import time; t = time.monotonic(); time.sleep(2); print('slept', time.monotonic() - t)"
"""A workload with a known answer: two seconds, by the machine's own clock."""

LIMIT = {"l1": 500, "l1/l2": 300}
"""Requests in a second that the scratch disk of a machine serves: known answers, and their loss."""

FILE = "randread size=16MiB runtime=2"
THROTTLED = "randread size=64MiB runtime=10 device=slow"

LAB = f"""\
name: measured
guests:
  - name: l1
    memory: 2GiB
    vcpus: 2
    disks: [{{name: slow, size: 64MiB, iops: {LIMIT["l1"]}}}]
    guests:
      - name: l2
        memory: 512MiB
        vcpus: 1
        disks: [{{name: slow, size: 64MiB, iops: {LIMIT["l1/l2"]}}}]
bench:
  workloads:
    - name: asleep
      command: [python3, -c, {json.dumps(ASLEEP)}]
      metric: {{regex: 'slept ([0-9.]+)'}}
      unit: s
      better: lower
      seconds: 2
    - fio: {{rw: randread, size: 16MiB, runtime: 2}}
    - fio: {{rw: randread, size: 64MiB, runtime: 10, device: slow}}
    - sysbench-cpu: {{seconds: 2, threads: [1]}}
"""


@pytest.fixture(scope="module")
def user(image: Image, tmp_path_factory: pytest.TempPathFactory) -> Iterator[User]:
    """A user whose lab is up; afterwards nothing of it is left."""
    user = User.in_folder(tmp_path_factory.mktemp("user"), LAB)
    before = snapshot()
    user.said("up")
    yield user
    user.said("down")
    assert snapshot() == before
    assert labs_left(user) == []


def runs(user: User) -> list[Path]:
    """Those of `bench`, in the order in which they began."""
    found = (user.labs.parent / "runs").glob("*/bench.json")
    return sorted((each.parent for each in found), key=lambda each: each.stat().st_ctime)


def result_of(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "result.json").read_bytes())
    return found


def counted(result: dict[str, Any], **wanted: str) -> list[dict[str, Any]]:
    """The samples of the only series that is meant, without those of the warm-up."""
    (found,) = (
        series
        for series in result["series"]
        if all(series[key] == value for key, value in wanted.items())
    )
    assert found["status"] == "ok", found["reason"]
    return [sample for sample in found["samples"] if not sample["warm_up"]]


@pytest.fixture(scope="module")
def whole(user: User) -> Path:
    """A run of all that the lab file asks for."""
    user.said("bench", "--rounds", "2")
    return runs(user)[-1]


def test_every_level_is_measured_in_the_same_envelope(whole: Path) -> None:
    result = result_of(whole)
    assert [machine["path"] for machine in result["machines"]] == ["l0", "l1", "l1/l2"]
    without = {s["machine"] for s in result["series"] if s["status"] == "skipped"}
    assert without == {"l0"}  # which has no disk of that name
    assert {s["status"] for s in result["series"] if s["machine"] != "l0"} == {"ok"}
    told = [machine["facts"]["conditions"] for machine in result["machines"]]
    assert {conditions["envelope_cpus"] for conditions in told} == {1}
    assert {conditions["envelope"] for conditions in told} == {"equal"}
    bounds = [conditions.get("envelope_memory") for conditions in told]
    assert bounds[0] == bounds[1] == result["machines"][2]["facts"]["identity"]["memory"]
    assert len(result["turns"]) == result["run"]["turns"] == 3 * 3 * 4
    assert result["run"]["lab_sha256"] is not None


def test_a_known_answer_is_recovered_at_every_level(whole: Path) -> None:
    for path in ("l0", "l1", "l1/l2"):
        for sample in counted(result_of(whole), workload="asleep", machine=path):
            assert sample["value"] == pytest.approx(2.0, rel=0.02)


def test_a_throttled_disk_is_recovered_with_the_loss_that_follows(user: User, whole: Path) -> None:
    report = json.loads(user.said("report", whole.name, "--format", "json"))
    rows = {
        row["machine"]: row
        for row in report["rows"]
        if (row["case"], row["metric"]) == (THROTTLED, "iops")
    }
    for path, limit in LIMIT.items():
        assert rows[path]["median"] == pytest.approx(limit, rel=0.02)
    wanted = 1 - LIMIT["l1/l2"] / LIMIT["l1"]
    assert rows["l1/l2"]["step_loss"]["value"] == pytest.approx(wanted, abs=0.02)


def test_figures_are_what_fio_itself_says(whole: Path) -> None:
    result = result_of(whole)
    for path in ("l0", "l1", "l1/l2"):
        for sample in counted(result, case=FILE, machine=path, metric="iops"):
            (job,) = json.loads((whole / sample["raw"]).read_bytes())["jobs"]
            assert sample["value"] == job["read"]["iops"]


def test_the_report_s_losses_follow_from_its_medians(user: User, whole: Path) -> None:
    report = json.loads(user.said("report", whole.name, "--format", "json"))
    rows = {(row["machine"], row["metric"]): row for row in report["rows"] if row["case"] == FILE}
    above, below = rows["l1", "iops"], rows["l1/l2", "iops"]
    assert below["step_loss"]["value"] == pytest.approx(1 - below["median"] / above["median"])
    assert {row["emulated"] for row in rows.values() if row["machine"] != "l0"} == {True}
    page = user.said("report", whole.name, "--format", "html")
    assert "emulated" in page


def test_nothing_of_it_stays_on_the_machines(user: User, whole: Path) -> None:
    for path in ("l1", "l1/l2"):
        look = "ls /var/lib/nestlab/bench; ls -d /sys/fs/cgroup/nestlab-* 2>/dev/null; true"
        assert user.said("exec", path, "--", "sh", "-c", look) == ""


TWIN = "pgrep -f '[~]boot'; ls -d /var/lib/nestlab/*/l2/boot /var/lib/nestlab/bench/boot; true"
"""What a measured boot may have left in the parent of a machine."""


def test_a_small_guest_is_started_at_every_level_and_nothing_of_it_stays(user: User) -> None:
    before, pids = snapshot(), user.pids
    user.said("bench", "--rounds", "1", "--no-warm-up", "--workload", "boot")
    result = result_of(runs(user)[-1])
    for path in ("l1", "l1/l2"):
        ((ssh,), (multi_user,)) = (
            counted(result, machine=path, metric=metric) for metric in ("ssh", "multi_user")
        )
        assert 0 < ssh["value"] < multi_user["value"] < multi_user["elapsed"]
    skipped = {s["reason"] for s in result["series"] if s["machine"] == "l0"}
    assert skipped == {"nothing starts l0: it is the host"}
    assert snapshot() == before
    assert list(user.labs.rglob("boot")) == []
    assert user.said("exec", "l1", "--", "sh", "-c", TWIN) == ""
    assert user.pids == pids
    assert user.states == {"l1": "running", "l1/l2": "running"}


def begun(user: User, words: tuple[str, ...], line: str) -> "subprocess.Popen[str]":
    """A bench that has said such a line."""
    process = user.begins("bench", *words)
    assert process.stderr is not None
    for said in process.stderr:
        if line in said:
            return process
    raise AssertionError(f"it never said {line!r}")


QUICK = ("--quick", "--workload", "sysbench-cpu:seconds=2,threads=[1]")


def test_a_bench_that_was_killed_is_gone_on_with(user: User) -> None:
    process = begun(user, QUICK, "(5 of 9")
    process.kill()
    process.communicate()
    run = runs(user)[-1]
    before = result_of(run)
    kept = {turn["order"]: turn for turn in before["turns"]}
    assert 4 <= len(kept) < 9
    user.said("bench", "--resume", run.name)
    after = result_of(run)
    assert [turn["order"] for turn in after["turns"]] == list(range(1, 10))
    assert {order: turn for turn in after["turns"] if (order := turn["order"]) in kept} == kept
    assert {series["status"] for series in after["series"]} == {"ok"}


def test_a_guest_that_dies_costs_its_own_figures_until_it_is_gone_on(user: User) -> None:
    process = begun(user, QUICK, "(3 of 9")
    user.nestlab("exec", "l1", "--", "pkill", "-KILL", "qemu")
    _, told = process.communicate(timeout=300)
    assert process.returncode == 4
    assert "machine.lost" in told
    assert "nestlab bench --resume" in told
    run = runs(user)[-1]
    found = result_of(run)
    failed = {series["machine"] for series in found["series"] if series["status"] == "failed"}
    assert failed == {"l1/l2"}
    assert len(counted(found, machine="l0", metric="events_per_second")) == 2
    user.said("bench", "--resume", run.name)
    again = result_of(run)
    for path in ("l0", "l1", "l1/l2"):
        assert len(counted(again, machine=path, metric="events_per_second")) == 2


def test_ctrl_c_leaves_the_lab_as_it_was(user: User) -> None:
    before = user.pids
    process = begun(user, QUICK, "(2 of 9")
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=120)
    assert process.returncode == 130, told
    assert user.pids == before
    assert user.states == {"l1": "running", "l1/l2": "running"}


def test_another_lab_is_not_gone_on_with(user: User) -> None:
    run = runs(user)[-1]
    file = run / "result.json"
    other = file.read_text().replace('"kernel": "', '"kernel": "9.')
    file.write_text(other)
    done = user.nestlab("bench", "--resume", run.name)
    assert done.returncode == 2
    assert b"bench.resume-differs" in done.stderr
    assert file.read_text() == other
