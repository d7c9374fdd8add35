"""The labs of a user, as their states say; nothing is asked of any machine."""

from pathlib import Path

from nestlab.errors import StoredDataError
from nestlab.home import Home
from nestlab.lab.record.state import LabState, load_state


def labs(home: Home) -> list[tuple[Path, LabState]]:
    """Every lab of this user; raises StoredDataError `lab.damaged`."""
    if not home.labs.is_dir():
        return []
    found = []
    for folder in sorted(home.labs.iterdir()):
        if folder.name.startswith("."):
            continue  # being made or being removed
        try:
            found.append((folder, load_state(folder)))
        except StoredDataError:
            if folder.exists():
                raise
    return found


def named(home: Home, name: str) -> tuple[Path, LabState] | None:
    """The lab of that name; no two have the same. Raises StoredDataError `lab.damaged`."""
    return next((entry for entry in labs(home) if entry[1].name == name), None)


def words_of(home: Home) -> list[str]:
    """Ids and names: all words that mean a lab. Raises StoredDataError `lab.damaged`."""
    return [word for _, state in labs(home) for word in (state.id, state.name) if word]


def find_lab(home: Home, lab: str | None) -> tuple[Path, LabState]:
    """The lab of that id or that name, or the only one. Raises StoredDataError `lab.unknown`."""
    known = labs(home)
    found = [entry for entry in known if lab in {None, entry[1].id}]
    if not found:
        found = [entry for entry in known if lab == entry[1].name]
    if len(found) == 1:
        return found[0]
    if not known:
        message, hint = "no lab is up", "bring one up: nestlab up FILE"
    else:
        message = "which lab is meant is not clear"
        hint = f"labs that are up: {', '.join(_called(state) for _, state in known)}"
    raise StoredDataError(
        "lab.unknown", f"there is no lab {lab}" if lab and not found else message, hint=hint
    )


def _called(state: LabState) -> str:
    return f"{state.id} ({state.name})" if state.name else state.id
