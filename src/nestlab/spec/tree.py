"""The machines of a lab."""

from collections.abc import Iterator
from dataclasses import dataclass

from nestlab.spec.conflicts import conflicts, names_of
from nestlab.spec.finding import all_in_one
from nestlab.spec.models import Guest, LabSpec, Settings


@dataclass(frozen=True)
class Node:
    """One machine: where it is, and what it is with the lab's defaults filled in."""

    path: str
    parent: str
    level: int
    guest: Settings

    @property
    def name(self) -> str:
        """The last part of the path, which is also the host name."""
        return self.path.rpartition("/")[2]


def machines(lab: LabSpec) -> tuple[Node, ...]:
    """All machines, parents before children, in the order of the file; the host is not among them.

    Raises UsageError `lab-file.too-many`, `lab-file.duplicate`, `lab-file.unknown-network` for a
    lab that does not come from a file, where this was seen before.
    """
    findings = list(conflicts(lab.model_dump(mode="json", exclude_unset=True)))
    if findings:
        raise all_in_one(findings)
    return tuple(_below("l0", 1, lab.guests, lab.defaults))


def _below(
    parent: str, level: int, guests: tuple[Guest, ...], defaults: Settings
) -> Iterator[Node]:
    for guest in guests:
        settings = resolve(guest, defaults)
        for name in names_of(guest.name, guest.count):
            path = name if parent == "l0" else f"{parent}/{name}"
            yield Node(path, parent, level, settings)
            yield from _below(path, level + 1, guest.guests, defaults)


def resolve(guest: Guest, defaults: Settings) -> Settings:
    """The guest's own keys, else those of `defaults`; lists are replaced, not joined."""
    own = guest.model_fields_set & Settings.model_fields.keys()
    return defaults.model_copy(update={key: getattr(guest, key) for key in own})
