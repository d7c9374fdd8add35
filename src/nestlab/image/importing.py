"""What a user says about an image of his own becomes its label (pure)."""

import re

from nestlab.errors import UsageError
from nestlab.image.catalogue import load_catalogue
from nestlab.image.checksums import Checksum, sha256
from nestlab.image.recipe import SUITES
from nestlab.image.shelve import Label

_NAME = re.compile(r"[a-z0-9][a-z0-9.+_-]{0,63}")
_USER = re.compile(r"[a-z_][a-z0-9_.-]{0,31}")
_SUFFIXES = re.compile(r"\.(qcow2|img|raw)$")


def is_url(what: str) -> bool:
    """Whether it is downloaded; anything else is a file."""
    return re.match(r"https?://", what) is not None


def label_for(
    what: str, *, sha256_text: str | None, name: str | None, user: str, architecture: str
) -> Label:
    """The label of a file or URL; its source is `what` for a URL, `file:…` for a file.

    Raises UsageError `image.needs-sha256`, `image.bad-sha256`, `image.bad-name`,
    `image.name-taken`.
    """
    expected = _checksum(what, sha256_text)
    file = what.partition("?")[0].rstrip("/").rpartition("/")[2]
    called = name if name is not None else _SUFFIXES.sub("", file).lower()
    checked_name(called)
    if not _USER.fullmatch(user):
        raise UsageError(
            "image.bad-name",
            f"{user!r} cannot be the name of a user",
            hint="--user with small letters, digits and any of . _ -, at most 32",
        )
    source = what if is_url(what) else f"file:{what}"
    return Label(called, architecture, user, source, expected)


def checked_name(name: str) -> None:
    """Raises UsageError `image.bad-name`, `image.name-taken` for no name of a user's image."""
    if not _NAME.fullmatch(name):
        raise UsageError(
            "image.bad-name",
            f"{name!r} cannot be the name of an image",
            hint="--name with small letters, digits and any of . + _ -, at most 64",
        )
    if name in SUITES or name in load_catalogue().images:
        raise UsageError(
            "image.name-taken",
            f"{name} is the name of an image that nestlab builds or pulls",
            hint="choose another name",
        )


def _checksum(what: str, text: str | None) -> Checksum | None:
    if text is None:
        if is_url(what):
            raise UsageError(
                "image.needs-sha256",
                "an image from a URL needs a checksum, so that it is what you meant",
                hint="--sha256 with what its publisher says, or what `sha256sum` prints",
            )
        return None
    checksum = sha256(text)
    if checksum is None:
        raise UsageError(
            "image.bad-sha256",
            f"{text!r} is no SHA-256",
            hint="it has 64 hexadecimal digits, as `sha256sum` prints them",
        )
    return checksum
