"""Published checksum files: which digest they give for a file (pure).

Known forms: coreutils' `sha256sum` and `sha512sum`, the BSD form `SHA256 (file) = digest` that
Fedora and its relatives use, and a digest alone.
"""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

_BSD = re.compile(r"(?P<algorithm>SHA256|SHA512) \((?P<file>.+)\) = (?P<digest>[0-9A-Fa-f]+)")
_GNU = re.compile(r"(?P<digest>[0-9A-Fa-f]{64}|[0-9A-Fa-f]{128})(?: [ *](?P<file>.+))?")
_LENGTHS = {64: "sha256", 128: "sha512"}


@dataclass(frozen=True)
class Checksum:
    """A digest that somebody published.

    algorithm  `sha256` or `sha512`, as hashlib says it
    digest     hexadecimal, small letters
    """

    algorithm: str
    digest: str

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.digest}"


def sha256(digest: str) -> Checksum | None:
    """A digest that a user typed, or None when it is none."""
    text = digest.strip().removeprefix("sha256:").lower()
    return Checksum("sha256", text) if re.fullmatch(r"[0-9a-f]{64}", text) else None


def find_checksum(text: str, file: str, *, one: bool = False) -> Checksum | None:
    """The digest for `file`; None where there is none, or where the text contradicts itself.

    one  the whole text is about this file: a single digest in it counts, whatever name it has
    """
    found = [read for line in text.splitlines() if (read := _read(line.strip()))]
    named = {checksum for name, checksum in found if name == file}
    every = {checksum for _, checksum in found}
    return _only(named) or (_only(every) if one and not named else None)


def _read(line: str) -> tuple[str | None, Checksum] | None:
    match = _BSD.fullmatch(line) or _GNU.fullmatch(line)
    if match is None:
        return None
    digest, file = match["digest"].lower(), match["file"]
    algorithm = _LENGTHS.get(len(digest))
    if algorithm is None or match.groupdict().get("algorithm", algorithm).lower() != algorithm:
        return None
    return PurePosixPath(file).name if file else None, Checksum(algorithm, digest)


def _only(checksums: set[Checksum]) -> Checksum | None:
    """The single one, or the single one of the longest algorithm."""
    longest = max((len(each.digest) for each in checksums), default=0)
    best = [each for each in checksums if len(each.digest) == longest]
    return best[0] if len(best) == 1 else None
