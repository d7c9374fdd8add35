"""What every machine of a lab will run with, and why: from the facts of its host alone."""

from collections.abc import Sequence
from dataclasses import dataclass

from nestlab.deadline import Deadline
from nestlab.facts.gather import gather
from nestlab.facts.model import Facts
from nestlab.home import Home
from nestlab.hypervisor.accelerator import (
    Accelerator,
    Wanted,
    choose_accelerator,
    guest_accelerator,
)
from nestlab.hypervisor.plan import BackEnd
from nestlab.lab.access.root import root_of
from nestlab.lab.record.known import named
from nestlab.lab.wanted.goal import Goal
from nestlab.lab.wanted.spec import GuestSpec

_ASK = 60.0


@dataclass(frozen=True)
class Forecast:
    """What one machine will run with.

    emulated    whether its timings will be emulation: its own, or an ancestor's
    hypervisor  what will start it on its parent
    """

    accelerator: Accelerator
    emulated: bool
    hypervisor: BackEnd = "qemu"


async def forecast_on_host(goal: Goal, wanted: Wanted, home: Home) -> dict[str, Forecast]:
    """Ask the lab's host, and change nothing there.

    wanted  what L0's guests shall have; `auto`: what was asked for when the lab was made

    Raises as `forecast` does, and what `root_of` and `gather` raise.
    """
    deadline = Deadline.after(_ASK)
    if wanted == "auto" and (there := named(home, goal.name)):
        wanted = there[1].wanted
    async with root_of(goal.host, deadline=deadline) as machine:
        facts = await gather(machine, deadline=deadline)
    return forecast(goal.guests, facts, wanted)


def forecast(guests: Sequence[GuestSpec], host: Facts, wanted: Wanted) -> dict[str, Forecast]:
    """Path -> what the machine will run with (pure).

    Raises HostError `kvm.*` and `cpu.*` when KVM is wanted and a link is broken.
    """
    default = choose_accelerator(host, wanted, path="l0")
    found: dict[str, Forecast] = {}
    for spec in guests:
        accelerator = guest_accelerator(spec.accel, default, host, path="l0")
        found[spec.name] = Forecast(accelerator, accelerator.emulated, spec.hypervisor)
        found |= _inside(spec, spec.name, emulated=accelerator.emulated)
    return found


def _inside(spec: GuestSpec, path: str, *, emulated: bool) -> dict[str, Forecast]:
    """Guests offer what theirs need for KVM, or `up` fails: so nothing has to be asked."""
    found: dict[str, Forecast] = {}
    for guest in spec.guests:
        inner = f"{path}/{guest.name}"
        accelerator = (
            Accelerator("tcg", "TCG was asked for", guest.accel)
            if guest.accel == "tcg"
            else Accelerator("kvm", f"{path} has to offer KVM to its guests", guest.accel)
        )
        seen = emulated or accelerator.emulated
        found[inner] = Forecast(accelerator, seen, guest.hypervisor)
        found |= _inside(guest, inner, emulated=found[inner].emulated)
    return found
