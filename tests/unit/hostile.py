"""What a hostile guest may call itself, and whether a terminal could obey it."""

import unicodedata

HOSTILE = (
    "\x1b[2J\x1b[31mred",  # clear the screen, change the colour
    "\x1b]8;;http://evil.example/\x1b\\link\x1b]8;;\x1b\\",  # OSC 8: a link
    "\x1b]0;title\x07\x1b]52;c;aGk=\x07",  # OSC 0 and 52: the title, the clipboard
    "\x9b31m\x9d0;x\x9c\x90q\x9c",  # the same in one byte each (C1), and a DCS
    "over\rwritten\b\b\b\v\f\x7f\x00",
    "two\nlines\u2028and\u2029more\x85still",
    "\u202egnitirw\u202c \u2066\u2067\u2068\u2069 \u200e\u200f\u061c",  # direction of writing
    "\u05d0\u05d1 \u0627\u0628 \u0661\u0662",  # letters that turn the figures beside them
    "in\u200bvis\u200d\u2060\ufeff\u00ad\u034f\u3164\u115f\u180e\U000e0041\ufe0fible",
    "z" + "\u0300\u0489" * 500,  # marks that run over other lines
    "[bold]markup[/bold] [link=http://evil.example]x[/link] :boom:",
    "|\n| --- |\n<script>alert(1)</script> ![x](http://evil.example/x.png) `code`",
    "=cmd|' /C calc'!A0",
    "x" * 100_000,
)
"""Each alone, because a string of all of them would only show its beginning."""

_HIDDEN = frozenset("\u034f\u115f\u3164\ufe0f")


def obeyed(text: str) -> list[str]:
    """What a terminal would not just show, by the Unicode database; a new line is ours."""
    found = [
        f"U+{ord(c):04X}"
        for c in text
        if c != "\n"
        and (
            unicodedata.category(c) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
            or unicodedata.bidirectional(c) in {"R", "AL", "AN"}
            or c in _HIDDEN
        )
    ]
    marks = 0
    for c in text:
        marks = marks + 1 if unicodedata.combining(c) else 0
        if marks > 2:
            found.append("stacked marks")
            break
    return found
