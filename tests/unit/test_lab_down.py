"""Taking labs down from their state alone, and knowing which are up."""

import asyncio
import contextlib
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab_examples import L1, L2, home, saved
from nestlab.errors import StoredDataError, UsageError
from nestlab.events import Event, Progress, State
from nestlab.lab.change.down import down, sweep
from nestlab.lab.record.known import find_lab, labs
from nestlab.lab.record.lock import hold
from nestlab.lab.record.state import GuestRecord, load_state


@contextlib.contextmanager
def qemu(word: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that carries the word as QEMU does, reaped at once when it is gone."""
    wait = "import time; print(flush=True); time.sleep(60)"
    argv = [sys.executable, "-S", "-E", "-c", wait, "-name", word]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as child:
        assert child.stdout
        child.stdout.readline()
        try:
            yield child
        finally:
            child.kill()


def guest(lab: str, pid: int | None = None) -> GuestRecord:
    return L1.model_copy(update={"identity": f"nestlab-{lab}-l1", "pid": pid})


def test_down_ends_what_carries_the_lab_s_id_and_nothing_else(tmp_path: Path) -> None:
    ours, other = secrets.token_hex(5), secrets.token_hex(5)
    with qemu(f"guest=nestlab-{ours}-l1") as mine, qemu(f"guest=nestlab-{other}-l1") as theirs:
        # the pid that was noted is by now that of another process
        folder, state = saved(tmp_path, ours, guests=(guest(ours, pid=theirs.pid), L2))
        asyncio.run(down(folder, state))
        assert mine.wait(1) == -15
        assert theirs.poll() is None
    assert not folder.exists()
    assert not Path(state.sockets).exists()


def test_down_tells_what_it_does(tmp_path: Path) -> None:
    events: list[Event] = []
    folder, state = saved(tmp_path, "x", guests=(guest(secrets.token_hex(5)), L2))
    asyncio.run(down(folder, state, sink=events.append))
    assert events == [
        Progress("l1", "ending its QEMU"),
        Progress("l1", "ended, with all that ran in it", State.DONE),
        Progress("lab", "removing its folders"),
        Progress("lab", "x is down", State.DONE),
    ]


def test_down_of_a_lab_whose_guests_are_gone(tmp_path: Path) -> None:
    folder, state = saved(tmp_path, guests=(guest(secrets.token_hex(5)),))
    asyncio.run(down(folder, state))
    assert not folder.exists()


def test_sweep_takes_leftovers_alone(tmp_path: Path) -> None:
    busy, _ = saved(tmp_path, "busy")
    saved(tmp_path, "kept", kept=True)
    saved(tmp_path, "left")
    with hold(busy, "busy"):
        assert asyncio.run(sweep(home(tmp_path))) == ["left"]
        with pytest.raises(UsageError) as caught:
            asyncio.run(down(busy, load_state(busy)))
        assert caught.value.code == "lab.busy"
        assert [state.id for _, state in labs(home(tmp_path))] == ["busy", "kept"]
    assert asyncio.run(sweep(home(tmp_path))) == ["busy"]


def test_sweep_removes_what_a_killed_nestlab_was_making(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home(tmp_path).labs / ".new-x").mkdir(parents=True)
    assert asyncio.run(sweep(home(tmp_path))) == []
    assert (home(tmp_path).labs / ".new-x").exists()  # another one may be at work
    later = time.time() + 601
    monkeypatch.setattr(time, "time", lambda: later)
    assert asyncio.run(sweep(home(tmp_path))) == []
    assert list(home(tmp_path).labs.iterdir()) == []


def test_two_sweeps_at_the_same_time(tmp_path: Path) -> None:
    saved(tmp_path, "left", guests=(guest(secrets.token_hex(5)),))

    async def both() -> None:
        await asyncio.gather(sweep(home(tmp_path)), sweep(home(tmp_path)))

    asyncio.run(both())
    assert labs(home(tmp_path)) == []


def test_labs_that_come_or_go_are_not_listed(tmp_path: Path) -> None:
    assert labs(home(tmp_path)) == []
    saved(tmp_path, "kept", kept=True)
    (home(tmp_path).labs / ".new-x").mkdir()
    (home(tmp_path).labs / ".gone-y").mkdir()
    assert [state.id for _, state in labs(home(tmp_path))] == ["kept"]


def test_a_damaged_lab_is_said_not_passed_over(tmp_path: Path) -> None:
    folder, _ = saved(tmp_path, "kept", kept=True)
    (folder / "lab.json").write_text("{}")
    with pytest.raises(StoredDataError) as caught:
        asyncio.run(sweep(home(tmp_path)))
    assert caught.value.code == "lab.damaged"
    assert folder.exists()


def test_the_only_lab_needs_no_name(tmp_path: Path) -> None:
    folder, state = saved(tmp_path, "one", kept=True)
    assert find_lab(home(tmp_path), None) == (folder, state) == find_lab(home(tmp_path), "one")


@pytest.mark.parametrize(
    ("known", "wanted", "message", "hint"),
    [
        ((), None, "no lab is up", "nestlab up FILE"),
        ((), "x", "there is no lab x", "nestlab up FILE"),
        (("a", "b"), None, "not clear", "a, b"),
        (("a", "b"), "c", "there is no lab c", "a, b"),
    ],
)
def test_which_lab_is_meant(
    tmp_path: Path, known: tuple[str, ...], wanted: str | None, message: str, hint: str
) -> None:
    for lab in known:
        saved(tmp_path, lab, kept=True)
    with pytest.raises(StoredDataError) as caught:
        find_lab(home(tmp_path), wanted)
    assert caught.value.code == "lab.unknown"
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")
