"""What shall become of the guests of one hypervisor: decided together, since they share it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Network
from typing import Literal

from nestlab.deadline import Deadline
from nestlab.hypervisor.accelerator import Accelerator
from nestlab.hypervisor.plan import GuestPlan
from nestlab.hypervisor.protocol import Hypervisor
from nestlab.hypervisor.qemu.manifest import Manifest, resumed
from nestlab.lab.build.decide import STAYS, Decision, Seen, Step, decide
from nestlab.lab.build.look import look
from nestlab.lab.build.plan import Place, handed_to, path_of, plan_guest, share_of
from nestlab.lab.network.wiring import Wiring
from nestlab.lab.record.state import GuestRecord, LabState
from nestlab.lab.wanted.spec import GuestSpec
from nestlab.net.subnet import GuestNetwork, is_free

_NEW = frozenset({Step.BUILD, Step.REBUILD})


@dataclass(frozen=True)
class Warm:
    """A saved guest: the snapshot's name, the folder on the host, what it says of itself.

    handed  names of the images that it had for its own guests, and has again
    """

    name: str
    folder: str
    manifest: Manifest
    handed: tuple[str, ...]


@dataclass(frozen=True)
class Wish:
    """A guest as it shall be, what is there of it, and what follows.

    handed  names of the images that it gets for its own guests
    warm    what it is resumed from
    """

    spec: GuestSpec
    plan: GuestPlan
    record: GuestRecord | None
    seen: Seen
    decision: Decision
    handed: tuple[str, ...]
    warm: Warm | None = None

    @property
    def fresh(self) -> bool:
        """Whether it gets a new disk."""
        return self.decision.step in _NEW


async def wishes(
    guests: Sequence[GuestSpec],
    hypervisor: Hypervisor,
    place: Place,
    state: LabState,
    wiring: Wiring,
    taken: set[IPv4Network],
    *,
    deadline: Deadline,
) -> list[Wish]:
    """Look at the guests of a hypervisor and decide; `taken` grows with their subnets.

    Raises HostError `lab.no-memory`, `net.no-free-subnet`; UsageError `lab.disk-shrinks`;
    MachineError `guest.not-seen`.
    """
    paths = {path_of(spec, hypervisor): spec for spec in guests}
    records = [each for path in paths if (each := state.guest(path))]
    seen = await look(hypervisor.machine, records, deadline=deadline)
    found, promised = [], 0
    for path, spec in paths.items():
        record, here = state.guest(path), seen.get(path, Seen())
        itself = place.images[spec.image].kernel is None
        decision = decide(spec, record, here, boots_itself=itself)
        old = () if record is None or decision.step in _NEW else record.handed
        handed = handed_to(spec, old)
        decision = _plugged_in(decision, record, wiring, handed)
        network = _network_of(record, hypervisor) if record else None
        has = share_of(record.spec) if record and record.spec and here.pid else 0
        plan = plan_guest(
            spec,
            hypervisor,
            place,
            state.id,
            taken,
            promised=promised,
            has=has,
            network=network,
            handed=handed,
        )
        decision, plan = accelerated(decision, record, plan)
        # one that runs has what it was started with, though L0 may have another way out by now
        mtu = record.mtu if record and decision.step in STAYS else wiring.mtu_of(path)
        plan = replace(plan, mtu=mtu, ports=wiring.ports(path), nat=wiring.nat_of(path))
        taken.add(plan.network.subnet)
        wiring.own[path] = plan.network
        promised += max(0, share_of(spec) - has)
        found.append(Wish(spec, plan, record, here, decision, handed))
    return found


def from_snapshot(wish: Wish, warm: Warm | None) -> Wish:
    """The same guest, resumed where it would be new and there is something to resume it from."""
    if warm is None or not wish.fresh:
        return wish
    plan = resumed(warm.manifest, warm.folder, wish.plan)
    return replace(wish, plan=plan, handed=warm.handed, warm=warm)


def _plugged_in(
    decision: Decision, record: GuestRecord | None, wiring: Wiring, handed: Sequence[str]
) -> Decision:
    """A guest that would be left alone starts again where it is not plugged in as it shall be."""
    if decision.step not in STAYS or record is None:
        return decision
    if tuple(handed) != record.handed:
        return Decision(Step.RESTART, "it needs other images for its guests")
    why = wiring.unplugged(record)
    return Decision(Step.RESTART, why) if why else decision


def accelerated(
    decision: Decision, record: GuestRecord | None, plan: GuestPlan
) -> tuple[Decision, GuestPlan]:
    """A guest that runs has the accelerator that it was started with, and is labelled by that.

    Where nobody asked for another one, what a probe says by now is no reason to start it again.
    """
    was, shall = record.accelerator if record else None, plan.accelerator
    if decision.step not in STAYS or was in {None, shall.name}:
        return decision, plan
    if shall.wanted != "auto":
        return Decision(Step.RESTART, f"accelerator {was} → {shall.name}"), plan
    name: Literal["kvm", "tcg"] = "kvm" if was == "kvm" else "tcg"
    return decision, replace(plan, accelerator=Accelerator(name, "it was started with it"))


def _network_of(record: GuestRecord, hypervisor: Hypervisor) -> GuestNetwork | None:
    """The network that it had, as long as its hypervisor does not route that elsewhere by now."""
    subnet = IPv4Network(record.subnet) if record.subnet else None
    if subnet is None or not is_free(subnet, hypervisor.facts.routes or ()):
        return None
    return GuestNetwork(subnet)
