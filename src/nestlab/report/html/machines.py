"""How machines look on the page: their labels, and a colour and a shape that each keeps."""

from collections import Counter
from dataclasses import dataclass

from nestlab.report.lineage import emulated
from nestlab.report.text import shown
from nestlab.result.models import Result

# At least 3 to 1 against the page in light and in dark (WCAG 2.2, 1.4.11).
_COLOURS = ("#6b7a90", "#2f7fd1", "#d4602a", "#0f9170", "#a45bc8", "#b8801a", "#c94b78", "#5a8f2a")
_SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down")
_NAME = 60
"""Characters of a path that a label has."""

EMULATED = "emulated"


@dataclass(frozen=True)
class Look:
    """A machine on the page.

    name  `L1`, with the path where several machines share the level
    step  `L1 against L0`; None for a host
    """

    path: str
    name: str
    step: str | None
    is_emulated: bool
    colour: str
    shape: str

    @property
    def label(self) -> str:
        """The name, with `emulated` where the timings are."""
        return self._marked(self.name)

    @property
    def against(self) -> str:
        """The step, with `emulated` where the timings are."""
        return self._marked(self.step or self.name)

    def _marked(self, text: str) -> str:
        return f"{text} {EMULATED}" if self.is_emulated else text


def looks(result: Result) -> dict[str, Look]:
    """The machines by path, in the order of the file."""
    shared = Counter(machine.level for machine in result.machines)
    names = {
        machine.path: f"L{machine.level}"
        + (f" {shown(machine.path, _NAME)}" if shared[machine.level] > 1 else "")
        for machine in result.machines
    }
    found = {}
    for place, machine in enumerate(result.machines):
        name, parent = names[machine.path], machine.parent
        found[machine.path] = Look(
            path=machine.path,
            name=name,
            step=f"{name} against {names[parent]}" if parent else None,
            is_emulated=emulated(result, machine),
            colour=_COLOURS[place % len(_COLOURS)],
            shape=_SHAPES[place % len(_SHAPES)],
        )
    return found
