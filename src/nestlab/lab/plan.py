"""The plan of one guest, from what it shall be and what is true of its hypervisor (pure)."""

from dataclasses import dataclass
from ipaddress import IPv4Network

from nestlab.errors import HostError
from nestlab.hypervisor.plan import BaseImage, GuestPlan
from nestlab.hypervisor.protocol import Hypervisor
from nestlab.lab.spec import GuestSpec
from nestlab.net.subnet import GuestNetwork, choose_subnet
from nestlab.units import MIB, format_size

_IN_GUEST = "/var/lib/nestlab"
_HANDED_DOWN = BaseImage(disk="/dev/nvme0n3", kernel="/dev/nvme0n4")
"""Where a guest finds the base image that it was handed (see qemu/argv.py)."""

_OVERHEAD = 256 * MIB
"""Memory that a QEMU and the system around it need besides the guest's own."""


@dataclass(frozen=True)
class Place:
    """Where guests of one hypervisor live: folders on its machine, and its base image."""

    folder: str
    sockets: str
    image: BaseImage


def place_in_guest(lab: str) -> Place:
    """The place inside a guest: its own disk, and the image that it was handed."""
    folder = f"{_IN_GUEST}/{lab}"
    return Place(folder, folder, _HANDED_DOWN)


def plan_guest(
    spec: GuestSpec,
    hypervisor: Hypervisor,
    place: Place,
    lab: str,
    taken: set[IPv4Network],
    *,
    promised: int = 0,
    has: int = 0,
    network: GuestNetwork | None = None,
) -> GuestPlan:
    """Decide everything about a guest.

    taken     networks that any ancestor routes or that the lab gave away
    promised  bytes of the hypervisor's memory that guests planned before it will take
    has       bytes that it takes already
    network   the one that it had

    Raises HostError `lab.no-memory` with the arithmetic, `net.no-free-subnet`.
    """
    facts = hypervisor.facts
    if share_of(spec) > has:
        _must_fit(spec, hypervisor, promised - has)
    return GuestPlan(
        lab=lab,
        path=path_of(spec, hypervisor),
        arch=facts.arch or "unknown",
        accelerator=hypervisor.accelerator,
        vcpus=spec.vcpus,
        memory=spec.memory,
        image=place.image,
        network=network or choose_subnet(sorted(taken)),
        folder=f"{place.folder}/{spec.name}",
        sockets=f"{place.sockets}/{spec.name}",
        disk=spec.disk,
        cpu=spec.cpu,
        kernel=spec.kernel,
    )


def path_of(spec: GuestSpec, hypervisor: Hypervisor) -> str:
    """`l1/l2` for l2 in l1."""
    parent = hypervisor.machine.path
    return spec.name if parent == "l0" else f"{parent}/{spec.name}"


def share_of(spec: GuestSpec) -> int:
    """Bytes of its hypervisor's memory that a guest takes."""
    return spec.memory + _OVERHEAD


def _must_fit(spec: GuestSpec, hypervisor: Hypervisor, promised: int) -> None:
    memory, path = hypervisor.facts.memory, hypervisor.machine.path
    if memory and memory.available - promised < share_of(spec):
        others = f", of which its other guests get {format_size(promised)}" if promised > 0 else ""
        raise HostError(
            "lab.no-memory",
            f"{spec.name} does not fit into {path}: it needs {format_size(spec.memory)} and"
            f" {format_size(_OVERHEAD)} around it, {path} has {format_size(memory.available)}"
            f" free{others}",
            where=f"{path}, while planning {spec.name}",
            hint="end other programs on that machine, give it more memory, or build less in it",
        )
