"""Text of others made harmless for a terminal: what a guest can influence is shown, not obeyed.

Host names, CPU models, kernels, error texts and names of figures may come from a hostile guest.
None may move a cursor, change a colour, open a link, hide a character, turn the direction of
writing or fill the screen.
"""

import re
import unicodedata

LONGEST = 4096
"""Characters of one string that are shown."""

_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})
"""Bidirectional classes (Unicode Annex 9) that turn the order of figures beside them."""

_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Characters without a picture that are no format characters to Python: fillers, selectors."""

_STACKED = 2
"""Marks above or below one character; more run over the lines around it."""


def plain(text: str, *, longest: int = LONGEST) -> str:
    r"""The text with what is not a plain visible character as an escape, such as `\x1b`.

    longest  characters of the text that are shown; the others are counted
    """
    shown, more = text[:longest], len(text) - longest
    if not (shown.isascii() and shown.isprintable()):
        shown = _escaped(shown)
    return shown if more <= 0 else f"{shown}… ({more} more characters)"


def plain_line(line: str, *, longest: int = LONGEST) -> str:
    """The same for a line of a text file, in which tabulators are harmless."""
    return "\t".join(plain(part, longest=longest) for part in line.split("\t"))


def plain_json(text: str) -> str:
    r"""The same JSON, with what is not plain as `\u` escapes: equal for programs."""
    if text.isascii() and "\x7f" not in text:
        return text  # JSON itself escapes the controls below the blank
    return "".join(c if c <= "~" or _is_plain(c) else _utf16(c) for c in text)


def _escaped(text: str) -> str:
    found, marks = [], 0
    for c in text:
        marks = marks + 1 if unicodedata.combining(c) else 0
        found.append(c if _is_plain(c) and marks <= _STACKED else ascii(c)[1:-1])
    return "".join(found)


def _is_plain(c: str) -> bool:
    if c.isascii():
        return c.isprintable()
    return (
        c.isprintable()
        and not _INVISIBLE.match(c)
        and unicodedata.bidirectional(c) not in _RIGHT_TO_LEFT
    )


def _utf16(c: str) -> str:
    units = c.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
