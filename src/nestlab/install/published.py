"""What a tree publishes about its own files: checksums by their full paths (pure).

Known: `SHA256SUMS` of Debian's images folder and openSUSE's `CHECKSUMS` (digest, blanks, path) and
`.treeinfo` of Fedora and its relatives (INI, productmd's documentation, section `checksums`).
"""

import configparser
import re
from pathlib import PurePosixPath

from nestlab.image.checksums import Checksum

_LINE = re.compile(r"(?P<digest>[0-9A-Fa-f]{64}|[0-9A-Fa-f]{128}) [ *]?(?P<path>\S.*)")
_ALGORITHMS = {"sha256": 64, "sha512": 128}


def published(text: str, path: str) -> Checksum | None:
    """The checksum for a path; None where there is none, or where the text contradicts itself."""
    wanted = _plain(path)
    found = (
        _treeinfo(text, wanted) if re.search(r"^\[", text, re.MULTILINE) else _sums(text, wanted)
    )
    return found.pop() if len(found) == 1 else None


def _sums(text: str, wanted: str) -> set[Checksum]:
    lines = (_LINE.fullmatch(line.strip()) for line in text.splitlines())
    return {
        Checksum("sha256" if len(line["digest"]) == 64 else "sha512", line["digest"].lower())
        for line in lines
        if line and _plain(line["path"]) == wanted
    }


def _treeinfo(text: str, wanted: str) -> set[Checksum]:
    reader = configparser.RawConfigParser(strict=False, delimiters=("=",))
    reader.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        reader.read_string(text)
    except configparser.Error:
        return set()
    if not reader.has_section("checksums"):
        return set()
    return {
        Checksum(algorithm, digest.lower())
        for path, said in reader.items("checksums")
        for algorithm, _, digest in (said.strip().partition(":"),)
        if _plain(path) == wanted
        and _ALGORITHMS.get(algorithm) == len(digest)
        and re.fullmatch(r"[0-9A-Fa-f]+", digest)
    }


def _plain(path: str) -> str:
    """`./netboot/linux` and `netboot/linux` are the same."""
    return str(PurePosixPath(path))
