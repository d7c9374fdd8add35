"""What a user can point at: this machine, a lab's machine, a host behind SSH, files (pure)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from nestlab.errors import UsageError
from nestlab.machine.address import Address, parse_address


@dataclass(frozen=True)
class Here:
    """The machine that nestlab runs on."""

    def __str__(self) -> str:
        return "l0"


@dataclass(frozen=True)
class Remote:
    """A host behind SSH."""

    address: Address

    def __str__(self) -> str:
        return str(self.address)


@dataclass(frozen=True)
class Member:
    """A machine of a lab; `lab` None: the only lab."""

    lab: str | None
    path: str

    def __str__(self) -> str:
        return f"{self.lab}:{self.path}" if self.lab else self.path


@dataclass(frozen=True)
class Tree:
    """An offline copy of /proc, /sys, /etc."""

    root: Path

    def __str__(self) -> str:
        return str(self.root)


@dataclass(frozen=True)
class FactsFile:
    """A file that `doctor --collect` wrote."""

    file: Path

    def __str__(self) -> str:
        return str(self.file)


Target = Here | Remote | Member | Tree | FactsFile

_HERE = frozenset({"l0", "localhost", "."})
_MEMBER = re.compile(r"(?:(?P<lab>[\w.-]+):)?(?P<path>[a-z][a-z0-9-]*(?:/[a-z][a-z0-9-]*)*)")
_LEVEL = re.compile(r"l\d+(?:-\d+)?|.*/.*")
"""What no host is called; a machine with another name is named with its lab."""


def parse(text: str, labs: Iterable[str] = ()) -> Target:
    """What a word of the command line means; `labs` are ids and names of the labs that are known.

    `l1/l2` and `LAB:l1/l2` are machines of a lab; everything else is a host as `ssh` takes it.
    Raises UsageError `target.unreadable`.
    """
    if text in _HERE:
        return Here()
    member = _MEMBER.fullmatch(text)
    if member and (
        member["lab"] in set(labs) if member["lab"] else _LEVEL.fullmatch(member["path"])
    ):
        return Member(member["lab"], member["path"])
    try:
        return Remote(parse_address(text))
    except UsageError:
        raise UsageError(
            "target.unreadable",
            f"{text!r} is neither a host nor a machine of a lab",
            hint="give user@host, user@host:port, l1/l2 or LAB:l1/l2 (`nestlab ls` lists labs)",
        ) from None
