"""What `up` would do to a lab that is there, from its state alone: nothing is asked."""

from collections.abc import Sequence

from nestlab.home import Home
from nestlab.image.recipe import SUITES
from nestlab.lab.build.decide import Decision, Seen, decide
from nestlab.lab.record.known import named
from nestlab.lab.wanted.spec import GuestSpec


def preview(home: Home, name: str, guests: Sequence[GuestSpec]) -> dict[str, Decision]:
    """Path -> what would become of the machine; empty when there is no lab of that name.

    Raises UsageError `lab.disk-shrinks`.
    """
    lab = named(home, name)
    if lab is None:
        return {}
    _, state = lab
    found: dict[str, Decision] = {}

    def walk(specs: Sequence[GuestSpec], parent: str) -> None:
        for spec in specs:
            path = f"{parent}{spec.name}"
            record = state.guest(path)
            seen = Seen(record.pid, disk=True) if record else Seen()
            # those that are built have a kernel beside their disk
            found[path] = decide(spec, record, seen, boots_itself=spec.image not in SUITES)
            walk(spec.guests, f"{path}/")

    walk(guests, "")
    return found
