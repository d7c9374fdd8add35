"""Two texts for people."""

import difflib

from nestlab.harmless import plain_line


def diff(before: bytes, after: bytes, name: str) -> tuple[str, ...]:
    """A unified diff without what a terminal would obey; empty when they are equal."""
    return tuple(difflib.unified_diff(_lines(before), _lines(after), name, name, lineterm=""))


def _lines(text: bytes) -> list[str]:
    return [plain_line(line) for line in text.decode("utf-8", "backslashreplace").split("\n")]
