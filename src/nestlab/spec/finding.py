"""A problem of a lab file, and how all of them become one error."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from difflib import get_close_matches

from nestlab.errors import UsageError

Loc = tuple[str | int, ...]
"""Where in a lab file: keys and places in lists, from the top."""

_SHOWN = 20
_LONGEST = 60


@dataclass(frozen=True)
class Finding:
    """One problem; `other` is the second place that has to do with it."""

    loc: Loc
    error: UsageError
    other: Loc | None = None


def key_path(loc: Loc) -> str:
    """A place as people write it: ``guests[0].memory``."""
    words = ""
    for part in loc:
        if isinstance(part, int):
            words += f"[{part}]"
        elif re.fullmatch(r"[\w-]{1,40}", part, re.ASCII):
            words += f".{part}" if words else part
        else:
            words += f"[{shown(part)}]"
    return words or "the file"


def shown(value: object) -> str:
    """A value as a message shows it: on one line and short."""
    match value:
        case bool():
            return "true" if value else "false"
        case None:
            return "nothing"
        case dict():
            return "a mapping"
        case list() | tuple():
            return "a list"
        case _:
            text = repr(value)
            return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text)} characters)"


def nearest(word: str, known: Iterable[str], otherwise: str) -> str:
    """A hint that names the word that was probably meant, or what there is."""
    names = list(known)
    close = get_close_matches(word[:64], names, n=1)
    if close:
        return f"did you mean `{close[0]}`?"
    return f"{otherwise}: {', '.join(names[:_SHOWN])}" if names else f"{otherwise}: none"


Place = Callable[[Loc], tuple[int, int]]
"""Line and column of a location, from 1."""


def all_in_one(
    findings: Iterable[Finding], place: Place | None = None, file: str = "lab"
) -> UsageError:
    """One error for all findings (at least one), in the order of the file.

    Without `place` there is no file: then messages have only the paths of keys.
    """
    # of two findings in one place the first is kept: the second only follows from it
    first: dict[Loc, Finding] = {}
    for finding in findings:
        first.setdefault(finding.loc, finding)
    ordered = list(first.values())
    if place:
        ordered.sort(key=lambda finding: place(finding.loc))
    errors = [_located(finding, place, file) for finding in ordered[:_SHOWN]]
    notes = [f"{each.message} ({each.hint})" for each in errors[1:]]
    if len(ordered) > _SHOWN:
        notes.append(f"and {len(ordered) - _SHOWN} more")
    return replace(errors[0], notes=tuple(notes))


def _located(finding: Finding, place: Place | None, file: str) -> UsageError:
    if place is None:
        return finding.error
    line, column = place(finding.loc)
    message = f"{file}:{line}:{column}: {finding.error.message}"
    if finding.other is not None:
        message += f"; the other is on line {place(finding.other)[0]}"
    return replace(finding.error, message=message)
