"""What can be done to a machine, as data."""

from dataclasses import dataclass, field

from nestlab.enable.elevation import Elevation
from nestlab.enable.files import FileState, Paths, Purpose
from nestlab.enable.journal import Journal
from nestlab.facts.model import Holder


@dataclass(frozen=True)
class WriteFile:
    """Replace a file; `before` is what the plan saw, None for no file; no owner: root."""

    path: str
    content: bytes
    mode: int
    before: FileState | None
    owner: tuple[int, int] | None = None


@dataclass(frozen=True)
class RemoveFile:
    """Remove a file."""

    path: str
    before: FileState


@dataclass(frozen=True)
class Reload:
    """Load a module anew; `nested` and `before` are `1` or `0`, None when it is not loaded."""

    module: str
    nested: str
    before: str | None


@dataclass(frozen=True)
class RefreshInitramfs:
    """Bring the initial RAM file system up to date."""

    argv: tuple[str, ...]


Step = WriteFile | RemoveFile | Reload | RefreshInitramfs


@dataclass(frozen=True)
class Plan:
    """What will be done to one machine, in order.

    seen        the journal's bytes as they were seen, None: there was none
    journal     what is written down before the first step; None: there is nothing to do
    next_boot   whether something takes effect at the next boot only
    in_use      whether the module was left alone because something holds it
    held_by     who that is, as far as it could be seen
    warnings    sentences for the user, with file and line where there is one
    """

    purpose: Purpose
    steps: tuple[Step, ...] = ()
    journal: Journal | None = None
    seen: bytes | None = None
    next_boot: bool = False
    in_use: bool = False
    held_by: tuple[Holder, ...] = ()
    warnings: tuple[str, ...] = ()
    elevate: Elevation = field(default_factory=Elevation)
    paths: Paths = field(default_factory=Paths)

    @property
    def nothing_to_do(self) -> bool:
        """Whether the machine is as it is asked to be."""
        return self.journal is None


def hidden_holders(module: str, held_by: tuple[Holder, ...]) -> tuple[str, ...]:
    """A warning where a module is in use and nobody is seen to use it."""
    if held_by:
        return ()
    return (f"{module} is in use, but by whom could not be seen; as root more can be seen",)


@dataclass(frozen=True)
class Outcome:
    """What was done.

    changed    what was changed, a few words each, in order
    reloaded   whether the module runs with the new value
    next_boot, held_by, warnings   as in the plan, with what was met on the way
    """

    changed: tuple[str, ...] = ()
    reloaded: bool = False
    next_boot: bool = False
    held_by: tuple[Holder, ...] = ()
    warnings: tuple[str, ...] = ()
