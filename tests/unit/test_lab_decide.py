"""What becomes of a guest, from what it shall be and what is there."""

import dataclasses
from pathlib import Path

import pytest

from lab_examples import L1, home, saved
from nestlab.errors import UsageError
from nestlab.lab.build.decide import Decision, Seen, Step, decide
from nestlab.lab.record.state import save_state
from nestlab.lab.wanted.preview import preview
from nestlab.lab.wanted.spec import DiskSpec, FileSpec, GuestSpec
from nestlab.units import GIB

SPEC = GuestSpec("l1", vcpus=2, memory=GIB, disk=10 * GIB, kernel=("quiet",))
RECORD = L1.model_copy(update={"spec": SPEC, "ready": True})
RUNS, OFF, GONE = Seen(4711, disk=True), Seen(None, disk=True), Seen()


@pytest.mark.parametrize(
    ("change", "seen", "step", "why"),
    [
        ({}, RUNS, Step.KEEP, "it runs"),
        ({}, OFF, Step.START, "it does not run"),
        ({}, GONE, Step.REBUILD, "its disk is not there any more"),
        ({"memory": 2 * GIB}, RUNS, Step.RESTART, "memory 1.0 GiB → 2.0 GiB"),
        ({"vcpus": 4, "kernel": ()}, OFF, Step.RESTART, "vcpus 2 → 4, kernel changed"),
        ({"disk": 12 * GIB}, RUNS, Step.RESTART, "disk 10.0 GiB → 12.0 GiB"),
        ({"cpu": "max"}, RUNS, Step.RESTART, "cpu None → max"),
        ({"image": "debian-13"}, RUNS, Step.REBUILD, "image debian-12 → debian-13"),
        ({"run": (("true",),)}, RUNS, Step.REBUILD, "run changed"),
        ({"memory": 2 * GIB, "run": (("true",),)}, RUNS, Step.REBUILD, "run changed"),
        ({"guests": (SPEC,)}, RUNS, Step.KEEP, "it runs"),
    ],
)
def test_what_follows(change: dict[str, object], seen: Seen, step: Step, why: str) -> None:
    shall = dataclasses.replace(SPEC, **change)  # type: ignore[arg-type]
    assert decide(shall, RECORD, seen) == Decision(step, why)


@pytest.mark.parametrize(
    ("was", "itself", "change", "seen", "step"),
    [
        ({}, True, {}, RUNS, Step.GROW),
        ({"storage": "virtio"}, False, {}, RUNS, Step.GROW),
        ({"hypervisor": "libvirt"}, False, {}, RUNS, Step.GROW),
        ({"hypervisor": "libvirt"}, False, {}, OFF, Step.RESTART),
        ({"hypervisor": "libvirt"}, False, {"memory": 2 * GIB}, RUNS, Step.RESTART),
        ({"disk": None}, True, {}, RUNS, Step.RESTART),
    ],
    ids=["cloud", "virtio", "libvirt", "off", "and-memory", "unknown-size"],
)
def test_a_disk_on_virtio_grows_while_it_runs(
    was: dict[str, object], itself: bool, change: dict[str, object], seen: Seen, step: Step
) -> None:
    """Nothing else changes while a guest runs, and no size that is not known."""
    before = dataclasses.replace(SPEC, **was)  # type: ignore[arg-type]
    shall = dataclasses.replace(before, disk=12 * GIB, **change)  # type: ignore[arg-type]
    record = RECORD.model_copy(update={"spec": before})
    assert decide(shall, record, seen, boots_itself=itself).step is step


def test_a_file_with_other_contents_is_another_file() -> None:
    was = FileSpec(Path("/a"), "/etc/a", sha256="1")
    spec = dataclasses.replace(SPEC, files=(was,))
    record = RECORD.model_copy(update={"spec": spec})
    assert decide(spec, record, RUNS).step is Step.KEEP
    edited = dataclasses.replace(spec, files=(dataclasses.replace(was, sha256="2"),))
    assert decide(edited, record, RUNS).step is Step.REBUILD
    moved = dataclasses.replace(spec, files=(dataclasses.replace(was, source=Path("/b/../a")),))
    assert decide(moved, record, RUNS).step is Step.KEEP


OTHER: dict[str, object] = {
    "vcpus": 4, "memory": 2 * GIB, "disk": 12 * GIB, "image": "debian-13", "accel": "tcg",
    "storage": "virtio", "cpu": "max", "kernel": (), "disks": (DiskSpec(GIB),),
    "devices": ("/dev/vdb",), "networks": ("a",), "packages": ("tree",), "run": (("true",),),
    "files": (FileSpec(Path("/a"), "/etc/a"),), "name": "l9", "guests": (SPEC,),
    "hypervisor": "libvirt",
}  # fmt: skip
CONTENT = {"image", "storage", "packages", "run", "files", "hypervisor"}


def test_only_a_recorded_difference_or_a_proved_absence_takes_a_new_disk() -> None:
    assert OTHER.keys() == {field.name for field in dataclasses.fields(GuestSpec)}
    for key, value in OTHER.items():
        shall = dataclasses.replace(SPEC, **{key: value})  # type: ignore[arg-type]
        for seen in (RUNS, OFF):
            rebuilt = decide(shall, RECORD, seen).step is Step.REBUILD
            assert rebuilt == (key in CONTENT), key
    assert decide(SPEC, RECORD, GONE).step is Step.REBUILD


def test_a_new_one_is_built() -> None:
    assert decide(SPEC, None, Seen()).step is Step.BUILD


@pytest.mark.parametrize("seen", [RUNS, OFF, GONE])
def test_one_that_was_never_finished_is_made_again(seen: Seen) -> None:
    record = RECORD.model_copy(update={"ready": False})
    assert decide(SPEC, record, seen) == Decision(Step.REBUILD, "it was never finished")


@pytest.mark.parametrize("disk", [None, 9 * GIB])
def test_a_disk_does_not_shrink(disk: int | None) -> None:
    with pytest.raises(UsageError) as caught:
        decide(dataclasses.replace(SPEC, disk=disk), RECORD, RUNS)
    assert caught.value.code == "lab.disk-shrinks"
    assert "disk: 10GiB or more" in (caught.value.hint or "")
    assert "nestlab remove l1" in (caught.value.hint or "")


def test_a_plan_says_what_becomes_of_what_is_there(tmp_path: Path) -> None:
    folder, state = saved(tmp_path, "aa", kept=True, guests=(RECORD,))
    save_state(state.model_copy(update={"name": "seed"}), folder)
    shall = dataclasses.replace(SPEC, vcpus=4, guests=(GuestSpec("l2", vcpus=1, memory=GIB),))
    assert preview(home(tmp_path), "other", (shall,)) == {}
    assert preview(home(tmp_path), "seed", (shall,)) == {
        "l1": Decision(Step.RESTART, "vcpus 2 → 4"),
        "l1/l2": Decision(Step.BUILD, "new"),
    }
