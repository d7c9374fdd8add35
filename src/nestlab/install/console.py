"""What an installer says on its serial console, as steps, prompts and failures (pure).

A state machine over bytes: the same console gives the same observations, however it was cut into
pieces. What comes from the console is untrusted: it is stripped of terminal sequences, bounded, and
shown with `nestlab.harmless`.
"""

import codecs
import re
from collections import deque
from dataclasses import dataclass
from typing import Literal

from nestlab.harmless import plain
from nestlab.install.answers import DONE
from nestlab.install.family import Sign

Kind = Literal["step", "prompt", "failed", "panicked", "ended"]

PATIENCE = 5.0
"""Seconds after which a prompt that no further step followed is one that waits for a person."""

_QUOTED = 14
"""Lines of the console that an error repeats."""

_LINE = 4096
_SHOWN = 160
_EVERY = 10
"""Percentage points between two steps that are told."""

# ECMA-48: CSI and OSC sequences, two-character escapes; then what is left of control characters
_SEQUENCE = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(\x07|\x1b\\)|\x1b[ -/]*[0-~]"
    r"|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"
)
_MOVED = re.compile(r"\x1b\[[0-9;]*[HfEd]")
"""The cursor goes to another row: what a program draws on a whole screen is read row by row."""

_UNFINISHED = re.compile(r"\x1b(\[[0-?]*[ -/]*|\][^\x07\x1b]{0,256})?\Z")

_DONE = Sign("done", re.compile(rf"{DONE}$"), "installed")
"""Said by a script, while the installer may be drawing a bar in the same line."""

COMMON = (
    Sign("failed", re.compile(r"Kernel panic - not syncing: (?P<words>.*)")),
    Sign("ended", re.compile(r"reboot: (Power down|Restarting system|System halted)")),
    Sign("ended", re.compile(r"Requesting system (poweroff|reboot|halt)")),
    Sign("prompt", re.compile(r"(You are in|Entering) emergency mode|\(initramfs\) *$")),
    Sign("prompt", re.compile(r"Press (ENTER|Enter|RETURN|Return|any key)\b")),
    Sign("prompt", re.compile(r"^\S* ?login: *$")),
)
"""Words of the kernel, of systemd and dracut, which every installer runs on."""


@dataclass(frozen=True)
class Seen:
    """An observation.

    text   step: what is being done, `installing packages (40 %)`; else the line that says it
    quote  prompt, failed, panicked: the lines of the console up to it
    """

    kind: Kind
    text: str
    quote: tuple[str, ...] = ()


class Reader:
    """Takes the console as it comes; times are seconds of any clock that does not go back."""

    def __init__(self, signs: tuple[Sign, ...]) -> None:
        self._signs = (_DONE, *signs, *COMMON)
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        self._raw = ""
        self._line = ""
        self._last: deque[str] = deque(maxlen=_QUOTED)
        self._told = ("", 0)
        self._waiting: tuple[float, Seen] | None = None
        self._fresh = self._ended = self._done = False

    def feed(self, data: bytes, at: float) -> list[Seen]:
        """What the next bytes say that was not said before."""
        text = self._raw + self._decoder.decode(data)
        cut = _UNFINISHED.search(text)
        text, self._raw = (text[: cut.start()], text[cut.start() :]) if cut else (text, "")
        *whole, rest = re.split(r"\r*\n", _SEQUENCE.sub("", _MOVED.sub("\n", text)))
        found: list[Seen] = []
        for piece in whole:
            found += self._complete((self._line + piece)[-_LINE:], at)
            self._line = ""
        self._line = (self._line + rest)[-_LINE:]
        found += self._look(_drawn(self._line), at, whole=False)
        return found

    def overdue(self, at: float) -> Seen | None:
        """The prompt or failure that has stood for `PATIENCE` with no step after it."""
        if self._waiting is None or at - self._waiting[0] < PATIENCE:
            return None
        return self._quoting(self._waiting[1])

    def pending(self) -> Seen | None:
        """The same, however short it has stood: for a console that has closed."""
        return self._quoting(self._waiting[1]) if self._waiting else None

    @property
    def step(self) -> str:
        """The last step that was told; empty before the first."""
        return self._told[0]

    @property
    def ended(self) -> bool:
        """Whether the machine was powered off or restarted by itself."""
        return self._ended

    @property
    def done(self) -> bool:
        """Whether the last command of our answers ran."""
        return self._done

    @property
    def last(self) -> tuple[str, ...]:
        """The last lines that say something."""
        return tuple(
            map(_shown, (*self._last, *([_drawn(self._line)] if self._line.strip() else ())))
        )

    def _complete(self, line: str, at: float) -> list[Seen]:
        drawn = _drawn(line)
        found = self._look(drawn, at, whole=True)
        if drawn.strip():
            self._last.append(drawn)
        self._fresh = False
        return found

    def _look(self, line: str, at: float, *, whole: bool) -> list[Seen]:
        """The first sign that fits the line; a line that grows is looked at each time."""
        for sign in self._signs:
            if match := sign.pattern.search(line):
                if "words" in sign.pattern.groupindex and not whole:
                    return []  # there is more to come of them
                return self._take(sign, match, line, at)
        return []

    def _take(self, sign: Sign, match: re.Match[str], line: str, at: float) -> list[Seen]:
        groups = match.groupdict()
        if sign.means == "ended":
            first, self._ended = not self._ended, True
            return [Seen("ended", _shown(line))] if first else []
        if sign.means in {"step", "progress", "done"}:
            self._waiting = None
            self._done = self._done or sign.means == "done"
            return self._tell(plain(sign.step.format(**groups)), _percent(groups))
        if (words := groups.get("words")) is not None:
            return [Seen("panicked", _shown(words), self.last)]
        kind: Kind = "prompt" if sign.means == "prompt" else "failed"
        if self._waiting is None:
            self._waiting, self._fresh = (at, Seen(kind, _shown(line))), True
        elif self._fresh:  # the same line has grown
            self._waiting = (self._waiting[0], Seen(kind, _shown(line)))
        return []

    def _tell(self, step: str, percent: int | None) -> list[Seen]:
        name, told = self._told
        now = 0 if percent is None else percent - percent % _EVERY
        if step == name and now <= told:
            return []
        self._told = (step, now)
        return [Seen("step", step if percent is None else f"{step} ({now} %)")]

    def _quoting(self, seen: Seen) -> Seen:
        """With the lines up to it; what a prompt waits behind is the last of them."""
        quote = self.last
        text = quote[-1] if quote and seen.kind == "prompt" else seen.text
        return Seen(seen.kind, text, quote)


def _drawn(line: str) -> str:
    """What stands in a line that was written over from its beginning."""
    return line.rpartition("\r")[2] if "\r" in line.rstrip("\r") else line.rstrip("\r")


def _percent(groups: dict[str, str]) -> int | None:
    if groups.get("percent"):
        return min(100, int(groups["percent"]))
    if groups.get("of"):
        return min(100, int(groups["at"]) * 100 // max(1, int(groups["of"])))
    return None


def _shown(line: str) -> str:
    return plain(line.strip(), longest=_SHOWN)
