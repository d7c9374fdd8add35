"""A lab's state and folders on disk: private, whole, and gone when the lab is."""

import json
import os
import secrets
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from lab_examples import L1, L2, home
from nestlab.errors import CleanupError, HostError, StoredDataError, UsageError
from nestlab.home import Home
from nestlab.lab.record.folder import new_lab, remove_lab, remove_leftovers
from nestlab.lab.record.keys import host_key, host_key_file, make_key, store_key
from nestlab.lab.record.lock import hold, holder
from nestlab.lab.record.state import LabState, load_state, save_state

STATE = LabState(id="x", place="/tmp/p", sockets="/tmp/nestlab-x", guests=(L1, L2))


def create_lab(home: Home) -> tuple[Path, LabState]:
    """A new lab that nobody is at work on."""
    with new_lab(home) as made:
        return made


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    save_state(STATE, tmp_path)
    assert load_state(tmp_path) == STATE
    kept = STATE.model_copy(update={"kept": True})
    save_state(kept, tmp_path)
    assert load_state(tmp_path) == kept
    assert [path.name for path in tmp_path.iterdir()] == ["lab.json"]


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"\xff\xfe\x00",
        b"{}",
        STATE.model_dump_json(by_alias=True).encode()[:-10],
        STATE.model_dump_json(by_alias=True).replace("lab/2", "lab/x").encode(),
        STATE.model_dump_json(by_alias=True).replace('"kept"', '"more"').encode(),
        None,
    ],
)
def test_damage_is_said_with_what_to_do(tmp_path: Path, damaged: bytes | None) -> None:
    if damaged is not None:
        (tmp_path / "lab.json").write_bytes(damaged)
    with pytest.raises(StoredDataError) as caught:
        load_state(tmp_path)
    assert caught.value.code == "lab.damaged"
    assert caught.value.log == str(tmp_path / "lab.json")
    assert f"pgrep -af nestlab-{tmp_path.name}" in (caught.value.hint or "")


def test_a_state_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoredDataError) as caught:
        save_state(STATE, tmp_path / "gone")
    assert caught.value.code == "lab.not-written"
    assert "No such file" in caught.value.message


def test_a_lab_of_a_newer_nestlab_is_left_alone(tmp_path: Path) -> None:
    newer = STATE.model_dump_json(by_alias=True).replace("lab/2", "lab/3").replace("kept", "more")
    (tmp_path / "lab.json").write_text(newer)
    with pytest.raises(StoredDataError) as caught:
        load_state(tmp_path)
    assert caught.value.code == "lab.too-new"
    assert "nestlab.lab/3" in caught.value.message


def test_a_lab_of_an_older_nestlab_can_be_entered_and_taken_down(tmp_path: Path) -> None:
    guest = json.loads(L1.model_dump_json(exclude_none=True, exclude={"ready", "stopped"}))
    older = {"schema": "nestlab.lab/1", "id": "x", "owner": 1, "owner_started": "2", "kept": True,
             "sockets": "/tmp/nestlab-x", "guests": [guest]}  # fmt: skip
    (tmp_path / "lab.json").write_text(json.dumps(older))
    state = load_state(tmp_path)
    assert (state.id, state.place, state.guests) == ("x", str(tmp_path), (L1,))


def test_one_at_a_time_has_the_lock(tmp_path: Path) -> None:
    assert holder(tmp_path) is None
    with hold(tmp_path, "seed"):
        assert holder(tmp_path) == os.getpid()
        with pytest.raises(UsageError) as caught, hold(tmp_path, "seed"):
            pass
        assert caught.value.code == "lab.busy"
        assert f"process {os.getpid()} is at work on lab seed" in caught.value.message
        assert f"kill {os.getpid()}" in (caught.value.hint or "")
    assert holder(tmp_path) is None
    with hold(tmp_path, "seed"):
        pass


def test_a_killed_holder_lets_go(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib; from nestlab.lab.record.lock import hold\n"
        "with hold(pathlib.Path(sys.argv[1]), 'x'): print(flush=True); input()"
    )
    argv = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout
        child.stdout.readline()
        assert holder(tmp_path) == child.pid
        child.kill()
    assert holder(tmp_path) is None


def test_a_new_lab_is_private_and_known(tmp_path: Path) -> None:
    folder, state = create_lab(home(tmp_path))
    sockets = Path(state.sockets)
    try:
        assert folder == home(tmp_path).labs / state.id
        assert load_state(folder) == state
        assert holder(folder) is None
        assert mode(folder) == mode(sockets) == mode(home(tmp_path).labs) == 0o700
        # unix(7): 107 bytes, of which guests need some
        assert len(str(sockets / "l1" / "console")) < 100
        other, _ = create_lab(home(tmp_path))
        assert other != folder
        remove_lab(other, load_state(other))
    finally:
        remove_lab(folder, state)
    assert not sockets.exists()
    assert list(home(tmp_path).labs.iterdir()) == []


def test_removing_twice_is_harmless(tmp_path: Path) -> None:
    folder, state = create_lab(home(tmp_path))
    remove_lab(folder, state)
    remove_lab(folder, state)


def test_what_cannot_be_removed_is_said(tmp_path: Path) -> None:
    file, folder = tmp_path / "file", tmp_path / "lab"
    file.touch()
    folder.mkdir()
    state = STATE.model_copy(update={"sockets": str(file / "below")})
    with pytest.raises(CleanupError) as caught:
        remove_lab(folder, state)
    assert caught.value.code == "lab.not-removed"
    assert f"rm -rf {file / 'below'}" in (caught.value.hint or "")
    with pytest.raises(CleanupError) as caught:
        remove_lab(file / "lab", STATE)
    assert caught.value.code == "lab.not-removed"


def test_a_home_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    with pytest.raises(HostError) as caught:
        create_lab(home(tmp_path))
    assert caught.value.code == "home.not-writable"
    assert "NESTLAB_HOME" in (caught.value.hint or "")


def left_in(base: Path) -> list[str]:
    """What is in the folder of labs, and in the one of sockets."""
    folders = (home(base).labs, base / "tmp")
    return sorted(path.name for folder in folders for path in folder.iterdir())


@pytest.fixture
def sockets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary folder of this test's own; short, as paths of sockets have to be."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setattr("nestlab.lab.record.folder._SOCKET_ROOM", 0)
    return folder


def test_a_lab_without_room_for_its_sockets_leaves_nothing(tmp_path: Path, sockets: Path) -> None:
    sockets.rmdir()
    with pytest.raises(HostError) as caught:
        create_lab(home(tmp_path))
    assert caught.value.code == "home.not-writable"
    sockets.mkdir()
    assert left_in(tmp_path) == []


def test_sockets_of_somebody_else_are_not_touched(
    tmp_path: Path, sockets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets, "token_hex", lambda _count: "0a1b2c3d4e")
    (sockets / "nestlab-0a1b2c3d4e").mkdir()
    with pytest.raises(HostError):
        create_lab(home(tmp_path))
    assert left_in(tmp_path) == ["nestlab-0a1b2c3d4e"]


@pytest.mark.parametrize(
    "problem", [StoredDataError("lab.not-written", "full"), OSError(28, "full"), KeyboardInterrupt]
)
def test_a_lab_whose_state_cannot_be_written_leaves_nothing(
    tmp_path: Path, sockets: Path, monkeypatch: pytest.MonkeyPatch, problem: BaseException
) -> None:
    def fail(_state: LabState, folder: Path) -> None:
        (folder / ".lab.json.new").write_text("half")
        raise problem

    monkeypatch.setattr("nestlab.lab.record.folder.save_state", fail)
    with pytest.raises((StoredDataError, HostError, KeyboardInterrupt)):
        create_lab(home(tmp_path))
    assert left_in(tmp_path) == []


def abandoned(base: Path, sockets: Path) -> None:
    """What a nestlab leaves that is killed while it makes or removes a lab."""
    for name in (".new-a", ".gone-b", "tmp/nestlab-a", "tmp/nestlab-b"):
        folder = base / name if name.startswith("tmp") else home(base).labs / name
        folder.mkdir(parents=True)
        (folder / "file").touch()
    elsewhere = base / "elsewhere"  # that nestlab had another TMPDIR
    elsewhere.mkdir()
    (home(base).labs / ".gone-c").mkdir()
    state = STATE.model_copy(update={"id": "c", "sockets": str(elsewhere)})
    save_state(state, home(base).labs / ".gone-c")


def test_what_was_left_while_a_lab_came_or_went_is_removed(tmp_path: Path, sockets: Path) -> None:
    abandoned(tmp_path, sockets)
    folder, state = create_lab(home(tmp_path))
    remove_leftovers(home(tmp_path), age=0)
    assert left_in(tmp_path) == sorted([state.id, f"nestlab-{state.id}"])
    assert not (tmp_path / "elsewhere").exists()
    remove_lab(folder, state)


def test_what_another_nestlab_may_be_at_work_on_is_left_alone(
    tmp_path: Path, sockets: Path
) -> None:
    abandoned(tmp_path, sockets)
    before = left_in(tmp_path)
    remove_leftovers(home(tmp_path))
    assert left_in(tmp_path) == before
    remove_leftovers(home(tmp_path / "nothing"), age=0)


def test_a_leftover_that_cannot_be_removed_is_said(tmp_path: Path, sockets: Path) -> None:
    home(tmp_path).labs.mkdir(parents=True)
    (home(tmp_path).labs / ".new-x").touch()
    with pytest.raises(CleanupError) as caught:
        remove_leftovers(home(tmp_path), age=0)
    assert caught.value.code == "lab.not-removed"


def test_keys_are_new_each_time_and_private(tmp_path: Path) -> None:
    key, other = make_key("nestlab x"), make_key("nestlab x")
    assert key.private != other.private
    assert key.public.startswith("ssh-ed25519 ")
    assert key.public.endswith(" nestlab x")
    assert key.private.startswith("-----BEGIN OPENSSH PRIVATE KEY-----\n")
    file = tmp_path / "key"
    store_key(key, file)
    assert file.read_text() == key.private
    assert mode(file) == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_a_guest_keeps_its_host_key(tmp_path: Path) -> None:
    key = host_key(tmp_path, "nestlab-x-l1")
    assert host_key(tmp_path, "nestlab-x-l1").public == key.public
    assert host_key(tmp_path, "nestlab-x-l2").public != key.public
    assert mode(host_key_file(tmp_path, "nestlab-x-l1")) == 0o600
    assert mode(host_key_file(tmp_path, "nestlab-x-l1").parent) == 0o700
