"""Offline copies of machines, each kept as one text file in tests/offline.

A file starts with a block of `#` lines: what machine it is, where the format of its contents comes
from, and the line `# expect: KEY=VALUE …`. Then come sections, up to the next one:

    --- path        a file; the lines that follow are its contents
    --- path/       an empty folder
    --- path        followed by the single line `--> target`: a symbolic link
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

OFFLINE = Path(__file__).resolve().parent.parent / "offline"
SECTION = "--- "
LINK = "--> "

Expected = dict[str, str | int | bool | None]


@dataclass(frozen=True)
class Tree:
    """One machine: what is said about it, what a reader expects of it, and its files by path."""

    name: str
    header: str
    expect: Expected
    files: dict[str, str]


def names() -> list[str]:
    """The machines that there are."""
    return sorted(path.stem for path in OFFLINE.glob("*.txt"))


def read_tree(name: str) -> Tree:
    """Read tests/offline/NAME.txt."""
    header, *sections = re.split(
        rf"^{SECTION}", (OFFLINE / f"{name}.txt").read_text(), flags=re.MULTILINE
    )
    files = {}
    for section in sections:
        path, _, contents = section.partition("\n")
        assert path not in files, f"{name} has {path} twice"
        files[path] = contents
    return Tree(name, header, _expected(header), files)


def _expected(header: str) -> Expected:
    """`# expect: ready=false broken_link=cpu.firmware-locked`; a bare word is a string."""
    line = re.search(r"^# expect: (.+)$", header, flags=re.MULTILINE)
    assert line, "a machine without an expectation"
    expect: Expected = {}
    for word in line[1].split():
        key, _, value = word.partition("=")
        plain = value in {"true", "false", "null"} or value.isdigit()
        expect[key] = json.loads(value) if plain else value
    return expect


def unpack(tree: Tree, root: Path) -> None:
    """Lay the machine's files out under `root`."""
    for path, contents in tree.files.items():
        place = root / path
        if path.endswith("/"):
            place.mkdir(parents=True, exist_ok=True)
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        if contents.startswith(LINK):
            place.symlink_to(contents.removeprefix(LINK).rstrip("\n"))
        else:
            place.write_text(contents)
