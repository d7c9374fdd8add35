"""The probe as the one program that is sent to machines; run as a program, this prints it.

It is the modules of `nestlab.facts.probe`, each after those that it imports. What they import from
each other is left out, since it stands above. Texts are matched, not parsed: every command that
asks a machine pays for this.
"""

import re
import sys
from functools import cache
from graphlib import TopologicalSorter
from importlib.resources import files

_PACKAGE = "nestlab.facts.probe"
_OWN_IMPORT = re.compile(
    rf"^from {re.escape(_PACKAGE)}\.(\w+) import (?:\([^)]*\)|[^(\n]*)\n", re.MULTILINE
)


@cache
def source() -> bytes:
    """The program, for the standard library of Python 3.6 and later. Raises CycleError."""
    texts = {
        place.name.removesuffix(".py"): place.read_text("utf-8")
        for place in sorted(files(_PACKAGE).iterdir(), key=lambda place: place.name)
        if place.name.endswith(".py")
    }
    title = texts.pop("__init__")
    graph = {name: _OWN_IMPORT.findall(text) for name, text in texts.items()}
    order = TopologicalSorter(graph).static_order()
    # a module's docstring is but a string where it stands now
    parts = [title, *(f"# {name}\n{_OWN_IMPORT.sub('', texts[name])}" for name in order)]
    return "\n\n\n".join(part.strip("\n") for part in parts).encode() + b"\n"


if __name__ == "__main__":
    sys.stdout.buffer.write(source())
