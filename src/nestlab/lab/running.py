"""A lab that is up: its machines, and its state on disk."""

from dataclasses import dataclass, field
from pathlib import Path

from nestlab.facts.model import Facts
from nestlab.hypervisor.protocol import Guest
from nestlab.lab.state import LabState, save_state
from nestlab.machine.path import is_above
from nestlab.machine.protocol import Machine


@dataclass(frozen=True)
class Level:
    """A machine of the chain with what is known of it; `guest` is None for the host."""

    machine: Machine
    facts: Facts
    guest: Guest | None = None
    seconds: float = 0.0


@dataclass
class Lab:
    """A lab that is up. `keep()` leaves it running when its context ends without an error."""

    folder: Path
    state: LabState
    levels: list[Level] = field(default_factory=list)
    kept: bool = False

    def emulated(self, path: str) -> bool:
        """Whether a machine's timings are emulation: its own or an ancestor's accelerator is."""
        return any(
            level.guest.plan.accelerator.emulated
            for level in self.levels
            if level.guest and is_above(level.machine.path, path)
        )

    def keep(self) -> None:
        """Leave everything running."""
        self.kept = True
        self.record(kept=True)

    def record(self, **changes: object) -> None:
        """Change the state, on disk too."""
        self.state = self.state.model_copy(update=changes)
        save_state(self.state, self.folder)
