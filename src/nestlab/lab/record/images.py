"""Which images the labs of this user are made from."""

from pathlib import Path

from nestlab.home import Home
from nestlab.lab.record.known import labs


def in_use(home: Home) -> dict[Path, str]:
    """Folder of an image -> the id of a lab that uses it.

    A lab that has not written down yet which ones it uses counts as using all that are there.
    Raises StoredDataError `lab.damaged`: such a lab may use any of them.
    """
    used: dict[Path, str] = {}
    for _, state in labs(home):
        names = state.images.values() or (path.name for path in home.images.glob("[!.]*"))
        used.update((home.images / name, state.id) for name in names)
    return used
