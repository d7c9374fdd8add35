"""The folders of one lab on L0: private, and gone when the lab is."""

import os
import secrets
import shutil
import tempfile
from pathlib import Path

from nestlab.errors import CleanupError, HostError
from nestlab.home import Home, make_folder
from nestlab.lab.state import LabState, process_start, save_state

_NEW, _GONE = ".new-", ".gone-"
"""A lab has its name only while its state file is there: other processes list the labs any time."""

_SOCKET_ROOM = 60
"""Characters of a UNIX socket's path (107 at most, unix(7)) left to guest paths and names."""


def create_lab(home: Home) -> tuple[Path, LabState]:
    """A new lab with an id of its own. Raises HostError `home.not-writable`."""
    lab = secrets.token_hex(5)
    folder, hidden = make_folder(home.labs) / lab, home.labs / f"{_NEW}{lab}"
    sockets = _socket_root() / f"nestlab-{lab}"
    me = os.getpid()
    state = LabState(id=lab, owner=me, owner_started=process_start(me) or "", sockets=str(sockets))
    try:
        hidden.mkdir(mode=0o700)
        # must not exist: nobody else can have prepared it, as the id is random
        sockets.mkdir(mode=0o700)
        save_state(state, hidden)
        hidden.rename(folder)
    except OSError as problem:
        raise HostError(
            "home.not-writable",
            f"cannot create {problem.filename}: {problem.strerror}",
            hint="free some space or set NESTLAB_HOME to another disk",
        ) from problem
    return folder, state


def _socket_root() -> Path:
    root = Path(tempfile.gettempdir())
    return root if len(str(root)) < 107 - _SOCKET_ROOM else Path("/tmp")  # noqa: S108


def remove_lab(folder: Path, state: LabState) -> None:
    """Remove everything of a lab on L0. Raises CleanupError `lab.not-removed`."""
    gone = folder.with_name(f"{_GONE}{state.id}")
    try:
        folder.rename(gone)
    except FileNotFoundError:
        return  # another nestlab removes it
    except OSError as problem:
        raise _not_removed(folder, problem) from problem
    for path in (Path(state.sockets), gone):
        try:
            shutil.rmtree(path)
        except FileNotFoundError:
            continue
        except OSError as problem:
            raise _not_removed(path, problem) from problem


def _not_removed(path: Path, problem: OSError) -> CleanupError:
    return CleanupError(
        "lab.not-removed",
        f"cannot remove {path}: {problem.strerror}",
        hint=f"remove it by hand: `rm -rf {path}`",
    )
