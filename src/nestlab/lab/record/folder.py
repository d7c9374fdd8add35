"""The folders of one lab on L0: private, and gone when the lab is."""

import fcntl
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from nestlab.errors import CleanupError, HostError, StoredDataError
from nestlab.home import Home, make_folder
from nestlab.lab.record.lock import hold
from nestlab.lab.record.state import LabState, load_state, save_state

_NEW, _GONE = ".new-", ".gone-"
"""A lab has its name only while its state file is there: other processes list the labs any time."""

_NAMES = ".names"

_LEFT = 600.0
"""Seconds after which a lab that is still being made or removed is a leftover; both take less than
one, unless a disk hangs."""

_SOCKET_ROOM = 60
"""Characters of a UNIX socket's path (107 at most, unix(7)) left to guest paths and names."""


@contextmanager
def new_lab(
    home: Home, *, name: str | None = None, host: str | None = None, kept: bool = False
) -> Iterator[tuple[Path, LabState]]:
    """A new lab with an id of its own, its lock held; when it cannot be made, nothing stays.

    The folders of guests on another host are made there (place.py).

    Raises HostError `home.not-writable`, StoredDataError `lab.not-written`.
    """
    lab = secrets.token_hex(5)
    folder, hidden = make_folder(home.labs) / lab, home.labs / f"{_NEW}{lab}"
    sockets = _sockets_of(lab)
    state = LabState(
        id=lab, name=name, host=host, kept=kept, place=str(folder), sockets=str(sockets)
    )
    with ExitStack() as held:
        try:
            with ExitStack() as undo:
                # must not exist: nobody else can have prepared them, as the id is random
                for path in (hidden,) if host else (hidden, sockets):
                    path.mkdir(mode=0o700)
                    undo.callback(shutil.rmtree, path, ignore_errors=True)
                save_state(state, hidden)
                held.enter_context(hold(hidden, name or lab))
                hidden.rename(folder)
                undo.pop_all()
        except OSError as problem:
            raise HostError(
                "home.not-writable",
                f"cannot create {problem.filename}: {problem.strerror}",
                hint="free some space or set NESTLAB_HOME to another disk",
            ) from problem
        yield folder, state


@contextmanager
def naming(home: Home) -> Iterator[None]:
    """Keep others from making a lab meanwhile: no two that are there may have the same name."""
    with (make_folder(home.labs) / _NAMES).open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _sockets_of(lab: str) -> Path:
    root = Path(tempfile.gettempdir())
    roomy = len(str(root)) < 107 - _SOCKET_ROOM
    return (root if roomy else Path("/tmp")) / f"nestlab-{lab}"  # noqa: S108


def remove_lab(folder: Path, state: LabState) -> None:
    """Remove everything of a lab on L0. Raises CleanupError `lab.not-removed`."""
    gone = folder.with_name(f"{_GONE}{state.id}")
    try:
        folder.rename(gone)
    except FileNotFoundError:
        return  # another nestlab removes it
    except OSError as problem:
        raise _not_removed(folder, problem) from problem
    _remove(*(() if state.host else (Path(state.sockets),)), gone)


def remove_leftovers(home: Home, *, age: float = _LEFT) -> None:
    """Remove what a nestlab left that was killed while it made or removed a lab.

    age  seconds for which nobody touched it: another nestlab may be at work on a younger one

    Raises CleanupError `lab.not-removed`.
    """
    for prefix in (_NEW, _GONE):
        for left in home.labs.glob(f"{prefix}*"):
            if _untouched(left) >= age:
                _remove(_sockets_left(left, left.name.removeprefix(prefix)), left)


def _sockets_left(left: Path, lab: str) -> Path:
    """As its state says, since its nestlab may have had another TMPDIR; else where ours are."""
    try:
        return Path(load_state(left).sockets)
    except StoredDataError:
        return _sockets_of(lab)


def _untouched(path: Path) -> float:
    """Seconds since it was last changed; by ctime, which a rename sets as well."""
    try:
        return time.time() - path.stat().st_ctime
    except FileNotFoundError:
        return 0.0  # another nestlab removed it meanwhile


def _remove(*paths: Path) -> None:
    for path in paths:
        try:
            shutil.rmtree(path)
        except FileNotFoundError:
            continue  # another nestlab removes it
        except OSError as problem:
            raise _not_removed(path, problem) from problem


def _not_removed(path: Path, problem: OSError) -> CleanupError:
    return CleanupError(
        "lab.not-removed",
        f"cannot remove {path}: {problem.strerror}",
        hint=f"remove it by hand: `rm -rf {path}`",
    )
