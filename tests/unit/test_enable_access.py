"""Becoming root, and files and journals that are not as they should be."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from enable_players import WITH_PASSWORD, World, make_world
from nestlab.deadline import Deadline
from nestlab.enable.as_root import RootMachine
from nestlab.enable.elevation import Elevation, as_root
from nestlab.errors import HostError, NestlabError, StoredDataError
from nestlab.events import Event, Progress
from nestlab.facts.gather import gather
from nestlab.machine.fake import FakeMachine, answer
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


@pytest.mark.parametrize("cached", [False, True])
def test_sudo_gets_the_password_and_no_file_does(world: World, cached: bool) -> None:
    if cached:
        (world.folder / "cached").touch()
    asyncio.run(world.enable(elevate=WITH_PASSWORD))
    assert world.nested == "Y"
    for file in (path for path in world.folder.rglob("*") if path.is_file()):
        if file.name != "sudo":
            assert "s3cret" not in file.read_text()


def test_sudo_that_refuses_changes_nothing(world: World) -> None:
    world.fail("sudo")
    problem = refused(world.enable, "enable.needs-root", elevate=Elevation.of(1000))
    assert "a password is required" in problem.notes[0]
    assert not world.journal.exists()


def test_a_wrong_password_is_tried_once_and_never_shown(world: World) -> None:
    wrong = Elevation.of(1000, "hunter2")
    problem = refused(world.enable, "enable.needs-root", elevate=wrong)
    assert "hunter2" not in f"{problem} {problem.notes} {problem.hint} {wrong}"
    assert (world.folder / "calls").read_text().count("sudo") == 1


def test_no_sudo_and_not_root_is_said() -> None:
    async def both() -> list[str]:
        found = []
        lacks = FakeMachine()
        user = FakeMachine(answers={("id", "-u"): answer("1000\n")})
        for machine, elevate in ((lacks, Elevation.of(1000)), (user, Elevation())):
            with pytest.raises(HostError) as caught:
                await World(Path("/nowhere")).look(machine, elevate)
            found.append(caught.value.code)
        return found

    assert asyncio.run(both()) == ["enable.needs-root"] * 2


def test_a_file_that_changes_after_the_plan_is_not_overwritten(world: World) -> None:
    def interfere(event: Event) -> None:
        if isinstance(event, Progress) and event.step == f"writing {world.options}":
            world.options.write_text("# somebody\n")

    refused(world.enable, "enable.changed", tell=interfere)
    assert world.options.read_text() == "# somebody\n"
    assert world.calls == []


def test_two_runs_at_once_do_not_mix(world: World) -> None:
    def second(_event: Event) -> None:
        if not world.journal.exists():
            world.journal.parent.mkdir(parents=True)
            world.journal.write_text("{}")

    refused(world.enable, "enable.changed", tell=second)
    assert not world.options.exists()


def test_a_link_is_not_followed(world: World) -> None:
    world.options.symlink_to("/dev/null")
    refused(world.enable, "enable.not-a-file")
    assert world.options.is_symlink()


def test_a_folder_that_cannot_be_made_is_said(world: World) -> None:
    world.journal.parent.parent.write_text("a file")
    problem = refused(world.enable, "enable.not-written")
    assert any("mkdir" in note for note in problem.notes)
    assert not world.options.exists()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "enable.journal-damaged"),
        ("\0\xff", "enable.journal-damaged"),
        ("[" * 100_000, "enable.journal-damaged"),
        ('{"schema": "nestlab.journal/1"}', "enable.journal-damaged"),
        ('{"schema": "nestlab.journal/2"}', "enable.journal-too-new"),
    ],
)
def test_a_journal_that_cannot_be_read_stops_everything(world: World, text: str, code: str) -> None:
    world.journal.parent.mkdir(parents=True)
    world.journal.write_text(text)
    assert isinstance(refused(world.enable, code), StoredDataError)
    refused(world.disable, code, force=True)
    assert not world.options.exists()


def test_a_journal_about_another_file_or_with_a_wrong_checksum_is_damaged(world: World) -> None:
    asyncio.run(world.enable())
    good = world.journal.read_text()
    for old, new in (("nestlab.conf", "../passwd"), ('"sha256": "', '"sha256": "0')):
        world.journal.write_text(good.replace(old, new))
        refused(world.disable, "enable.journal-damaged")


def test_a_script_that_lost_its_stdin_does_nothing(world: World) -> None:
    elevate = Elevation(("sh", "-c", 'exec "$@" </dev/null', "sh"))
    run = as_root(LocalMachine(), elevate, "echo done", deadline=Deadline.after(5))
    done = asyncio.run(run)
    assert (done.status, done.text) == (7, "")


@pytest.mark.parametrize("cached", [False, True])
def test_programs_run_through_sudo_with_their_own_stdin(world: World, cached: bool) -> None:
    """The password never reaches them, whether sudo asked for it or left it."""
    if cached:
        (world.folder / "cached").touch()
    machine = RootMachine(LocalMachine("l9"), WITH_PASSWORD)
    run = machine.run(("cat",), stdin=b"a\nb", deadline=Deadline.after(20))
    assert asyncio.run(run).stdout == b"a\nb"
    assert machine.path == "l9"


def test_facts_are_read_through_sudo(world: World) -> None:
    machine = RootMachine(LocalMachine(), WITH_PASSWORD)
    assert asyncio.run(gather(machine, deadline=Deadline.after(30))).kernel
    assert "sudo" in (world.folder / "calls").read_text()
