"""The report: facts by name, and the reason of each that cannot be told."""

import json
import re
import struct

TEXT = 4096  # characters of one text, as the model of the facts has it
REPORT = 3 << 20  # bytes of the whole report
MYPY = False  # type checkers take it as true; importing typing would cost every guest time
if MYPY:
    from typing import Any, Callable


class UntoldError(ValueError):
    """A fact that cannot be told, with the reason in words."""


class Facts:
    """Collects values; a reader that fails becomes `unknown` with its reason."""

    def __init__(self) -> "None":
        self.values = {}  # type: dict[str, object]
        self.unknown = {}  # type: dict[str, str]
        self.size = 0

    def add(self, name: "str", reader: "Callable[[], object]") -> "None":
        """Keep what `reader()` gives under `name`."""
        try:
            self.values[name] = self.fitting(reader())
        except UntoldError as problem:
            self.unknown[name] = printable(str(problem))
        except (
            ArithmeticError, ImportError, LookupError, MemoryError, OSError, RecursionError,
            ValueError, struct.error,
        ) as problem:  # fmt: skip
            self.unknown[name] = printable("%s: %s" % (type(problem).__name__, problem))

    def fitting(self, told: "object") -> "object":
        """The value as it is printed. Raises ValueError when it does not fit into the report."""
        value = printable(told)
        size = len(json.dumps(value, allow_nan=False))
        if self.size + size > REPORT:
            raise UntoldError("more than a report can hold")
        self.size += size
        return value


def printable(value: "Any") -> "Any":
    """The value with every text cut to what the model takes, and without lone surrogates."""
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")[:TEXT]
    if isinstance(value, dict):
        return {printable(key): printable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [printable(item) for item in value]
    if isinstance(value, int) and abs(value) >= 1 << 63:
        raise OverflowError("a number of %d bits" % value.bit_length())
    return value


def word(text: "str", what: "str") -> "str":
    """The text when it can be a version or a name. Raises ValueError."""
    if not re.match(r"[\w.+~-]{1,200}\Z", text, re.ASCII):
        raise UntoldError("no %s in %r" % (what, text[:80]))
    return text
