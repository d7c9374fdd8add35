"""Words that name a machine of a lab, or a file on one, and the records behind them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from nestlab.errors import StoredDataError, UsageError
from nestlab.home import Home
from nestlab.lab.record.known import find_lab
from nestlab.lab.record.state import GuestRecord, LabState

_LAB = r"[\w.-]+"
_PATH = r"[\w-]+(?:/[\w-]+)*"
_NAME = re.compile(rf"(?:(?P<lab>{_LAB}):)?(?P<path>{_PATH})", re.ASCII)
_PLACE = re.compile(rf"(?P<path>{_PATH}):(?P<file>.*)", re.ASCII | re.DOTALL)


@dataclass(frozen=True)
class Name:
    """A machine; `lab` is an id or a name, None: the only lab."""

    lab: str | None
    path: str

    def __str__(self) -> str:
        return f"{self.lab}:{self.path}" if self.lab else self.path


@dataclass(frozen=True)
class Place:
    """A file on a machine, or on this one when `machine` is None."""

    machine: Name | None
    file: str


@dataclass(frozen=True)
class Found:
    """A machine's record, in its lab."""

    folder: Path
    state: LabState
    guest: GuestRecord


def parse_name(word: str) -> Name:
    """`l1/l2` or `LAB:l1/l2`. Raises UsageError `target.unreadable`."""
    match = _NAME.fullmatch(word)
    if match is None:
        raise UsageError(
            "target.unreadable",
            f"{word!r} is not a machine of a lab",
            hint="give l1/l2 or LAB:l1/l2 (`nestlab status` shows them)",
        )
    return Name(match["lab"], match["path"])


def parse_whole(word: str | None, labs: Iterable[str]) -> Name:
    """As `parse_name`, and the word for a whole lab, whose machines all are in `l0`.

    None is the only lab; `LAB:` or a known lab's id or name is that lab.
    Raises UsageError `target.unreadable`.
    """
    if word is None:
        return Name(None, "l0")
    lab = word.removesuffix(":")
    if lab != word or lab in set(labs):
        return Name(lab, "l0")
    return parse_name(word)


def parse_place(word: str, labs: Iterable[str]) -> Place:
    """`l1/l2:FILE` or `LAB:l1/l2:FILE`; anything else is a file of this machine.

    A file here whose name has a colon is written with a leading `/` or `./`. `labs` are the ids
    and the names of the labs that are known: `a:b:c` begins with a lab only when there is one.
    """
    lab, colon, rest = word.partition(":")
    within = _PLACE.fullmatch(rest) if colon and lab in set(labs) else None
    if within:
        return Place(Name(lab, within["path"]), within["file"])
    match = _PLACE.fullmatch(word)
    if match is None:
        return Place(None, word)
    return Place(Name(None, match["path"]), match["file"])


def find_machine(home: Home, name: Name) -> Found:
    """A machine, whether it is up or not.

    Raises StoredDataError `lab.unknown`, `lab.no-such-machine`.
    """
    folder, state = find_lab(home, name.lab)
    for guest in state.guests:
        if guest.path == name.path:
            return Found(folder, state, guest)
    known = ", ".join(guest.path for guest in state.guests) or "none"
    raise StoredDataError(
        "lab.no-such-machine",
        f"lab {state.id} has no machine {name.path}",
        hint=f"its machines: {known}",
    )
