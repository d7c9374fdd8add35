"""Enabling on a real machine whose root, modules and sudo are played."""

import asyncio
import json
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from enable_players import HOLDER, INITRAMFS, World, make_world
from nestlab.deadline import Deadline
from nestlab.errors import NestlabError
from nestlab.events import Event, Progress
from nestlab.machine.local import LocalMachine


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = make_world(tmp_path / "machine")
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    return made


def refused(verb: Callable[..., Any], code: str, **options: Any) -> NestlabError:
    with pytest.raises(NestlabError) as caught:
        asyncio.run(verb(**options))
    assert caught.value.code == code
    assert caught.value.hint
    assert caught.value.where
    return caught.value


def test_enable_writes_reloads_and_refreshes_in_this_order(world: World) -> None:
    done = asyncio.run(world.enable(facts=world.facts(initramfs=INITRAMFS)))
    assert world.nested == "Y"
    assert world.calls == [
        "rmmod kvm_intel",
        "modprobe kvm_intel nested=1",
        "update-initramfs -u -k 6.1.0-44-cloud-amd64",
    ]
    assert world.options.read_text().endswith("options kvm_intel nested=1\n")
    assert stat.S_IMODE(world.options.stat().st_mode) == 0o644
    assert len(done.changed) == 3
    assert done.reloaded
    assert not done.next_boot
    assert [each.name for each in world.options.parent.iterdir()] == ["nestlab.conf"]


def test_the_journal_says_what_was_and_what_is(world: World) -> None:
    world.options.write_bytes(b"\xff old")
    asyncio.run(world.enable())
    assert stat.S_IMODE(world.journal.stat().st_mode) == 0o600
    journal = json.loads(world.journal.read_text())
    assert journal["schema"] == "nestlab.journal/1"
    assert journal["state"] == "done"
    assert (journal["nested_before"], journal["nested_after"]) == ("0", "1")
    assert journal["file"]["before"]["base64"] == "/yBvbGQ="
    written = datetime.fromisoformat(journal["when"])
    assert abs(datetime.now(UTC) - written) < timedelta(minutes=5)


def test_enabling_twice_does_nothing_the_second_time(world: World) -> None:
    asyncio.run(world.enable())
    calls, journal = world.calls, world.journal.read_bytes()
    done = asyncio.run(world.enable())
    assert done.changed == ()
    assert (world.calls, world.journal.read_bytes()) == (calls, journal)


def test_the_steps_are_told_as_they_begin(world: World) -> None:
    told: list[Event] = []
    asyncio.run(world.enable(told.append))
    steps = [each.step for each in told if isinstance(each, Progress)]
    assert steps[1:3] == [f"writing {world.options}", "loading kvm_intel with nested=1"]


def test_a_module_in_use_is_left_and_done_when_it_is_free(world: World) -> None:
    done = asyncio.run(world.enable(facts=world.facts(holders=[HOLDER])))
    assert done.next_boot
    assert [each.guest for each in done.held_by] == ["l1"]
    assert world.calls == []
    again = asyncio.run(world.enable())
    assert again.reloaded
    assert again.changed == ("loaded kvm_intel with nested=1",)
    asyncio.run(world.disable())
    assert (world.nested, world.options.exists()) == ("N", False)


def test_a_guest_that_started_in_the_meantime_keeps_the_module(world: World) -> None:
    world.fail("in-use")
    done = asyncio.run(world.enable())
    assert done.next_boot
    assert not done.reloaded
    assert "Module kvm_intel is in use" in done.warnings[0]
    assert world.nested == "N"
    assert world.calls == ["rmmod kvm_intel"]


def test_a_module_that_does_not_load_comes_back_as_it_was(world: World) -> None:
    world.options.write_text("# mine\n")
    world.options.chmod(0o640)
    world.fail("nested=1")
    problem = refused(world.enable, "enable.reload-failed", facts=world.facts(initramfs=INITRAMFS))
    assert "KVM works as before" in problem.message
    assert any("Input/output error" in note for note in problem.notes)
    assert world.nested == "N"
    assert world.options.read_text() == "# mine\n"
    assert stat.S_IMODE(world.options.stat().st_mode) == 0o640
    assert not world.journal.parent.exists()
    assert not any("initramfs" in call for call in world.calls)


def test_a_failed_reload_of_a_later_run_takes_everything_back(world: World) -> None:
    facts = world.facts(holders=[HOLDER], initramfs=INITRAMFS)
    asyncio.run(world.enable(facts=facts))
    world.fail("nested=1")
    refused(world.enable, "enable.reload-failed")
    assert not world.options.exists()
    assert sum("update-initramfs" in call for call in world.calls) == 2


def test_a_module_that_takes_no_option_any_more_is_loaded_without(world: World) -> None:
    world.fail("nested=1", "nested=0")
    problem = refused(world.enable, "enable.reload-failed")
    assert "KVM works as before" in problem.message
    assert world.calls[-1] == "modprobe kvm_intel"
    assert world.nested == "N"


def test_a_machine_that_lost_kvm_is_told_so(world: World) -> None:
    world.fail("all")
    problem = refused(world.enable, "enable.reload-failed")
    assert "this machine has no KVM now" in problem.message
    assert "modprobe kvm_intel" in (problem.hint or "")
    assert not world.options.exists()


def test_an_option_without_effect_is_taken_back(world: World) -> None:
    world.fail("no-effect")
    problem = refused(world.enable, "enable.no-effect")
    assert "as before" in problem.message
    assert not world.options.exists()
    assert not world.journal.exists()


def test_a_module_that_was_not_loaded_and_does_not_load(tmp_path: Path, world: World) -> None:
    asyncio.run(LocalMachine().run(("rmmod", "kvm_intel"), deadline=Deadline.after(5)))
    world.fail("nested=1")
    assert "as before" in refused(world.enable, "enable.reload-failed").message
    assert world.nested is None


def test_an_initramfs_that_cannot_be_made_is_caught_up_with_later(world: World) -> None:
    world.fail("initramfs")
    problem = refused(
        world.enable, "enable.initramfs-failed", facts=world.facts(initramfs=INITRAMFS)
    )
    assert "No space left" in problem.notes[0]
    world.heal()
    done = asyncio.run(world.enable())
    assert done.changed == ("ran update-initramfs -u -k 6.1.0-44-cloud-amd64",)
    assert asyncio.run(world.enable()).changed == ()


@pytest.mark.parametrize(
    ("listing", "refreshed"),
    [
        ("lib/modules/6.1/kernel/arch/x86/kvm/kvm-intel.ko.xz", True),
        ("usr/lib/kvm.ko.zst usr/bin/sh", True),
        ("usr/lib/notkvm.ko", False),
        ("lib/modules/6.1/kernel/drivers/nvme.ko", False),
        ("", False),
    ],
)
def test_root_looks_into_the_initramfs_where_the_facts_do_not_know(
    world: World, listing: str, refreshed: bool
) -> None:
    lister = world.folder / "bin/lsinitramfs"
    lister.write_text(f"#!/bin/sh\necho {listing}\n")
    lister.chmod(0o755)
    facts = world.facts(initramfs={**INITRAMFS, "has_kvm": None})
    done = asyncio.run(world.enable(facts=facts))
    assert ("ran update-initramfs" in " ".join(done.changed)) is refreshed
    unknown = not listing
    assert any("run `update-initramfs" in each for each in done.warnings) is unknown
