"""A lab as it shall be: from its file, from a snapshot, or from both."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from nestlab.errors import UsageError
from nestlab.home import Home
from nestlab.lab.build.decide import differences
from nestlab.lab.build.plan import handed_to
from nestlab.lab.wanted.from_file import guests_of, networks_of
from nestlab.lab.wanted.spec import GuestSpec, NetworkSpec
from nestlab.lab.warm.saved import Snapshot, find_snapshot
from nestlab.spec.bench import Bench
from nestlab.spec.load import load

_FILE = Path("lab.yaml")


@dataclass(frozen=True)
class Goal:
    """A lab that shall be there.

    name      the lab's name; no two that are there share one
    host      the machine at its root as `ssh` takes it; None: this one
    snapshot  what its guests of L0 are resumed from
    bench     what the file wants to be measured; sha256, folder: of that file
    """

    name: str
    guests: Sequence[GuestSpec]
    networks: Sequence[NetworkSpec] = ()
    host: str | None = None
    snapshot: Snapshot | None = None
    bench: Bench = field(default_factory=Bench)
    sha256: str | None = None
    folder: Path = Path()


def goal_of(
    home: Home,
    file: Path | None,
    *,
    snapshot: str | None = None,
    name: str | None = None,
    host: str | None = None,
) -> Goal:
    """What the words of a command line ask for.

    file      None: `lab.yaml`, or with a snapshot what was saved, without guests of guests
    snapshot  name of one
    name      in place of that in the file
    host      in place of this machine

    Raises UsageError: `lab-file.*`, `lab.*`, `snapshot.unknown`, `snapshot.other-guest`,
    `snapshot.elsewhere`; StoredDataError `snapshot.damaged`.
    """
    saved = find_snapshot(home, snapshot) if snapshot else None
    if saved and host not in {None, saved.host}:
        raise UsageError(
            "snapshot.elsewhere",
            f"snapshot {saved.name} is on {saved.host or 'this machine'}",
            hint="leave --host out",
        )
    where = saved.host if saved else host
    if saved and file is None:
        guests = tuple(replace(each.spec, guests=()) for each in saved.guests)
        return Goal(name or saved.name, guests, saved.networks, where, saved)
    file = file or _FILE
    spec = load(file)
    guests = guests_of(spec, file)
    if saved:
        _must_be_the_same(saved, guests)
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    networks = networks_of(spec)
    folder = file.absolute().parent
    return Goal(name or spec.name, guests, networks, where, saved, spec.bench, sha256, folder)


def _must_be_the_same(saved: Snapshot, guests: Sequence[GuestSpec]) -> None:
    """A guest that is resumed is what it was."""
    for path, why in _others(saved, {guest.name: guest for guest in guests}):
        raise UsageError(
            "snapshot.other-guest",
            f"{path} is not in the lab file as it is in snapshot {saved.name}: {why}",
            hint="change the file, or leave it out: then the guests of the snapshot come alone",
        )


def _others(saved: Snapshot, guests: dict[str, GuestSpec]) -> Iterator[tuple[str, str]]:
    for each in saved.guests:
        if each.path not in guests:
            yield each.path, "it is missing"
        elif changed := differences(each.spec, guests[each.path]):
            yield each.path, ", ".join(said for _, said in changed)
        elif lacking := set(handed_to(guests[each.path], ())).difference(each.handed):
            yield each.path, f"its guests would need {', '.join(sorted(lacking))}"
