"""A lab that is up: its machines, and its state on disk."""

from dataclasses import dataclass, field
from pathlib import Path

from nestlab.facts.model import Facts
from nestlab.hypervisor.protocol import Guest
from nestlab.lab.record.state import GuestRecord, LabState, save_state
from nestlab.machine.path import is_above
from nestlab.machine.protocol import Machine


@dataclass(frozen=True)
class Level:
    """A machine of the lab with what is known of it; `guest` is None for the host.

    seconds  from power-on to its shell; 0 for one that ran already
    """

    machine: Machine
    facts: Facts
    guest: Guest | None = None
    seconds: float = 0.0


@dataclass
class Lab:
    """A lab that somebody holds the lock of.

    `keep()` leaves what was started running when the context that started it ends without an error.
    """

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

    def note(self, guest: GuestRecord) -> None:
        """Remember a guest, in place of what was known of it; a new one is the last."""
        known = {each.path: each for each in self.state.guests}
        self.record(guests=tuple({**known, guest.path: guest}.values()))

    def change(self, path: str, **changes: object) -> None:
        """Change what is known of a guest, if anything is."""
        if guest := self.state.guest(path):
            self.note(guest.model_copy(update=changes))

    def forget(self, path: str) -> None:
        """A guest is not there any more, and none of those inside it."""
        self.record(guests=tuple(g for g in self.state.guests if not is_above(path, g.path)))
