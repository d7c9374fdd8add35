"""What no single key can say: how many machines, equal names, networks that do not exist.

Works on the plain data of a file, whatever is in it, so that these problems are shown together
with those of the keys.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

from nestlab.errors import UsageError
from nestlab.spec.finding import Finding, Loc, key_path, nearest, shown

MAX_MACHINES = 1000
_MAX_COUNT = 100

_Data = Mapping[str, object]


def names_of(name: str, count: int) -> Iterable[str]:
    """Names of `count` equal guests; one alone keeps its name."""
    return (name,) if count == 1 else (f"{name}-{number}" for number in range(count))


def conflicts(data: _Data) -> Iterator[Finding]:
    """All problems of the data of a lab file that are not those of a single key."""
    guests = data.get("guests")
    total = _total(guests)
    if total > MAX_MACHINES:
        yield Finding(
            ("guests",),
            UsageError(
                "lab-file.too-many",
                f"guests makes {total} machines, at most {MAX_MACHINES} are allowed",
                hint="lower `count`: it multiplies with the counts of the guests around it",
            ),
        )
    else:
        yield from _equal_names(guests, ("guests",))
    known = data.get("networks", {})
    for loc, entry in chain([(("defaults",), data.get("defaults"))], _all(guests, ("guests",))):
        if isinstance(entry, Mapping):
            if isinstance(known, Mapping):
                yield from _unknown_networks(entry, loc, known)
            yield from _repeated(entry, loc)


def _entries(guests: object) -> Iterator[tuple[int, _Data]]:
    for place, entry in enumerate(guests if isinstance(guests, list) else ()):
        if isinstance(entry, Mapping):
            yield place, entry


def _all(guests: object, loc: Loc) -> Iterator[tuple[Loc, _Data]]:
    for place, entry in _entries(guests):
        yield (*loc, place), entry
        yield from _all(entry.get("guests"), (*loc, place, "guests"))


def _count(entry: _Data) -> int:
    """The count; 1 when it is wrong, which is said elsewhere."""
    count = entry.get("count", 1)
    return count if type(count) is int and 1 <= count <= _MAX_COUNT else 1


def _total(guests: object) -> int:
    """Number of machines, by arithmetic: a few lines of file can mean 100**20 machines."""
    return sum(_count(entry) * (1 + _total(entry.get("guests"))) for _, entry in _entries(guests))


def _equal_names(guests: object, loc: Loc) -> Iterator[Finding]:
    seen: dict[str, int] = {}
    for place, entry in _entries(guests):
        name = entry.get("name")
        names = list(names_of(name, _count(entry))) if isinstance(name, str) else []
        equal = next((each for each in names if each in seen), None)
        if equal is not None:
            error = UsageError(
                "lab-file.duplicate",
                f"{key_path((*loc, place, 'name'))} makes a second {shown(equal)} beside the first",
                hint="give one of them another name; `count: 2` makes NAME-0 and NAME-1",
            )
            yield Finding((*loc, place, "name"), error, other=(*loc, seen[equal], "name"))
        seen.update((each, place) for each in names if each not in seen)
        yield from _equal_names(entry.get("guests"), (*loc, place, "guests"))


def _unknown_networks(entry: _Data, loc: Loc, known: _Data) -> Iterator[Finding]:
    for place, name in _texts(entry.get("networks")):
        if name not in known:
            here = (*loc, "networks", place)
            error = UsageError(
                "lab-file.unknown-network",
                f"{key_path(here)}: there is no network {shown(name)}",
                hint=nearest(name, known, "networks of this lab"),
            )
            yield Finding(here, error)


def _repeated(entry: _Data, loc: Loc) -> Iterator[Finding]:
    """Networks that are named twice, and disks with one name."""
    disks = entry.get("disks")
    named = (
        [each.get("name") if isinstance(each, Mapping) else None for each in disks]
        if (isinstance(disks, list))
        else []
    )
    for key, texts, tail in (("networks", entry.get("networks"), ()), ("disks", named, ("name",))):
        seen: dict[str, int] = {}
        for place, text in _texts(texts):
            if text in seen:
                here: Loc = (*loc, key, place, *tail)
                error = UsageError(
                    "lab-file.duplicate",
                    f"{key_path(here)}: {shown(text)} is there twice",
                    hint="remove one, or give it another name",
                )
                yield Finding(here, error, other=(*loc, key, seen[text], *tail))
            seen.setdefault(text, place)


def _texts(values: object) -> Iterator[tuple[int, str]]:
    for place, value in enumerate(values if isinstance(values, list) else ()):
        if isinstance(value, str):
            yield place, value
