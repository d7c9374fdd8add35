"""Disabling: the machine is what it was, byte for byte, whatever happened in between."""

import asyncio
import json
import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enable_players import HOLDER, INITRAMFS, World, intel, make_world
from nestlab.enable.describe import describe
from nestlab.enable.elevation import Elevation
from nestlab.enable.present import Present
from nestlab.enable.undo import plan_disable
from nestlab.errors import HostError

SCRIPT = Path(__file__).with_name("enable_process.py")
NAMESPACE = ("unshare", "--mount", *(() if os.geteuid() == 0 else ("--map-root-user",)))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = make_world(tmp_path / "machine")
    with mock.patch.dict(os.environ, made.environment):
        yield made


def process(*words: str) -> subprocess.CompletedProcess[bytes]:
    argv = [sys.executable, str(SCRIPT), *words]
    return subprocess.run(argv, check=False, capture_output=True)


def settled(world: World) -> tuple[str | None, bool, bool]:
    return (world.nested, world.options.exists(), world.journal.parent.exists())


def test_disable_restores_and_leaves_nothing_behind(world: World) -> None:
    asyncio.run(world.enable(facts=world.facts(initramfs=INITRAMFS)))
    done = asyncio.run(world.disable())
    assert settled(world) == ("N", False, False)
    assert done.reloaded
    assert done.changed == (
        f"removed {world.options}",
        "loaded kvm_intel with nested=0",
        "ran update-initramfs -u -k 6.1.0-44-cloud-amd64",
    )


def test_without_a_journal_there_is_nothing_to_undo(world: World) -> None:
    world.options.write_text("# not ours\n")
    done = asyncio.run(world.disable(force=True))
    assert done.changed == ()
    assert world.options.exists()


@given(
    content=st.none() | st.binary(max_size=300) | st.just(b"\0\\\n" * 20_000),
    mode=st.sampled_from([0o600, 0o644, 0o444]),
)
@settings(max_examples=25)
def test_enable_then_disable_is_the_identity(content: bytes | None, mode: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = make_world(Path(folder) / "machine")
        if content is not None:
            world.options.write_bytes(content)
            world.options.chmod(mode)
        with mock.patch.dict(os.environ, world.environment):
            asyncio.run(world.enable(at_boot=True))
            asyncio.run(world.disable())
        assert (world.options.read_bytes() if world.options.exists() else None) == content
        if content is not None:
            assert stat.S_IMODE(world.options.stat().st_mode) == mode
        left = [each.name for each in world.options.parent.iterdir()]
        assert left == ([] if content is None else ["nestlab.conf"])


def test_a_file_that_somebody_changed_is_left_unless_forced(world: World) -> None:
    asyncio.run(world.enable())
    world.options.write_text("options kvm_intel nested=1 ept=0\n")
    with pytest.raises(HostError, match=r"disable\.changed") as caught:
        asyncio.run(world.disable())
    assert "--force" in (caught.value.hint or "")
    assert settled(world) == ("Y", True, True)
    asyncio.run(world.disable(force=True))
    assert settled(world) == ("N", False, False)


def test_a_file_that_somebody_removed_needs_no_undoing(world: World) -> None:
    asyncio.run(world.enable())
    world.options.unlink()
    asyncio.run(world.disable())
    assert settled(world) == ("N", False, False)


def test_enabling_over_somebody_s_change_is_refused(world: World) -> None:
    asyncio.run(world.enable(at_boot=True))
    world.options.write_text("options kvm_intel nested=0\n")
    with pytest.raises(HostError, match=r"enable\.changed"):
        asyncio.run(world.enable())


def test_guests_keep_nesting_until_the_next_boot(world: World) -> None:
    asyncio.run(world.enable())
    done = asyncio.run(world.disable(facts=world.facts(holders=[HOLDER])))
    assert (done.next_boot, done.reloaded) == (True, False)
    assert done.held_by[0].pid == 4711
    assert settled(world) == ("Y", False, False)


def test_a_module_in_use_meanwhile_is_left(world: World) -> None:
    asyncio.run(world.enable())
    world.fail("in-use")
    assert asyncio.run(world.disable()).next_boot
    assert settled(world) == ("Y", False, False)


def test_a_reload_that_fails_can_be_tried_again(world: World) -> None:
    asyncio.run(world.enable())
    world.fail("nested=0")
    with pytest.raises(HostError, match=r"disable\.reload-failed") as caught:
        asyncio.run(world.disable())
    assert "KVM works as before" in caught.value.message
    assert settled(world) == ("Y", False, True)
    world.heal()
    assert asyncio.run(world.disable()).reloaded
    assert settled(world) == ("N", False, False)


def test_unknown_facts_leave_the_module_and_restore_the_file(world: World) -> None:
    asyncio.run(world.enable())
    done = asyncio.run(world.disable(facts=intel(nested={}, modules=None)))
    assert done.next_boot
    assert settled(world) == ("Y", False, False)


@pytest.mark.parametrize("step", range(4))
@pytest.mark.parametrize("then", ["enable", "disable"])
def test_killed_between_two_steps(world: World, step: int, then: str) -> None:
    dead = process("enable", str(world.folder), str(step))
    assert dead.returncode == -signal.SIGKILL, dead.stderr
    if then == "disable":
        asyncio.run(world.disable())
        assert settled(world) == ("N", False, False)
    else:
        asyncio.run(world.enable())
        assert settled(world) == ("Y", True, True)
        assert json.loads(world.journal.read_text())["state"] == "done"
        asyncio.run(world.disable())
        assert settled(world) == ("N", False, False)


@pytest.mark.parametrize("step", range(4))
def test_killed_while_disabling(world: World, step: int) -> None:
    asyncio.run(world.enable())
    dead = process("disable", str(world.folder), str(step))
    assert dead.returncode == -signal.SIGKILL, dead.stderr
    asyncio.run(world.disable())
    assert settled(world) == ("N", False, False)


def test_killed_while_the_module_is_away_it_comes_back_all_the_same(world: World) -> None:
    world.fail("killed")
    dead = process("enable", str(world.folder))
    assert dead.returncode == -signal.SIGKILL, dead.stderr
    for _ in range(200):
        if world.nested == "Y":
            break
        time.sleep(0.05)
    assert world.nested == "Y"
    asyncio.run(world.disable())
    assert settled(world) == ("N", False, False)


@pytest.mark.parametrize(
    ("kind", "words"), [("full", "No space left"), ("read-only", "Read-only file system")]
)
def test_a_disk_that_takes_nothing(world: World, kind: str, words: str) -> None:
    argv = [*NAMESPACE, sys.executable, str(SCRIPT), kind, str(world.folder)]
    try:
        done = subprocess.run(argv, check=False, capture_output=True)
    except FileNotFoundError:
        pytest.skip("there is no unshare")
    if done.returncode != 0 and b"nestlab" not in done.stderr:
        pytest.skip("no mount namespace can be made here")
    told = json.loads(done.stdout)
    assert told["code"] == "enable.not-written"
    assert words in told["notes"]
    assert told["left"] == ["kvm.conf"]
    assert world.nested == "N"
    asyncio.run(world.disable())
    assert not world.journal.exists()


def test_undoing_is_shown_before_it_is_done(world: World) -> None:
    asyncio.run(world.enable())
    sudo = Elevation.of(1000)
    present = asyncio.run(world.look())
    shown = describe(plan_disable(world.facts(), present, elevate=sudo))
    assert shown[:2] == (f"--- {world.options}", "+++ /dev/null")
    assert shown[-2:] == ("sudo rmmod kvm_intel", "sudo modprobe kvm_intel nested=0")
    assert describe(plan_disable(world.facts(), Present(), elevate=sudo)) == ("nothing to do",)
