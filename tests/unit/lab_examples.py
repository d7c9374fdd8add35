"""States of labs."""

from pathlib import Path

from nestlab.home import Home
from nestlab.lab.record.state import GuestRecord, LabState, save_state

L1 = GuestRecord(
    path="l1",
    identity="nestlab-0a1b2c3d4e-l1",
    pid=4711,
    folder="/state/l1",
    sockets="/tmp/l1",
    ssh_port=34567,
    host_key="ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOl1 nestlab-0a1b2c3d4e-l1",
)
L2 = L1.model_copy(
    update={
        "path": "l1/l2",
        "identity": "nestlab-0a1b2c3d4e-l1.l2",
        "ssh_port": 45678,
        "host_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOl2 nestlab-0a1b2c3d4e-l1.l2",
    }
)


def home(base: Path) -> Home:
    """A user's folders below `base`."""
    return Home(base / "cache", base / "state")


def saved(
    base: Path,
    lab: str = "0a1b2c3d4e",
    *,
    kept: bool = False,
    guests: tuple[GuestRecord, ...] = (),
) -> tuple[Path, LabState]:
    """A lab on disk, by default one whose nestlab was killed."""
    folder = home(base).labs / lab
    folder.mkdir(parents=True)
    sockets = base / f"sockets-{lab}"
    sockets.mkdir()
    state = LabState(
        id=lab,
        kept=kept,
        place=str(folder),
        sockets=str(sockets),
        guests=guests,
    )
    save_state(state, folder)
    return folder, state
