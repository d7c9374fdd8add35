"""The plan of one guest, from what it shall be and what is true of its hypervisor (pure)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Literal

from nestlab.errors import HostError
from nestlab.hypervisor.accelerator import Wanted, guest_accelerator
from nestlab.hypervisor.plan import BaseImage, GuestPlan, ScratchDisk
from nestlab.hypervisor.protocol import Hypervisor
from nestlab.hypervisor.qemu.disks import handed_down
from nestlab.lab.wanted.spec import GuestSpec
from nestlab.lab.wanted.tree import every
from nestlab.net.subnet import GuestNetwork, choose_subnet
from nestlab.units import MIB, format_size

_IN_GUEST = "/var/lib/nestlab"
_OVERHEAD = 256 * MIB
"""Memory that a QEMU and the system around it need besides the guest's own."""


@dataclass(frozen=True)
class Place:
    """Where guests of one hypervisor live: folders on its machine, and images by name there."""

    folder: str
    sockets: str
    images: Mapping[str, BaseImage]


def place_in_guest(lab: str, plan: GuestPlan, handed: Sequence[str]) -> Place:
    """The place inside a guest: its own disk, and the images that it was handed.

    handed  their names, in the order of `plan.handed`
    """
    folder = f"{_IN_GUEST}/{lab}"
    return Place(folder, folder, dict(zip(handed, handed_down(plan), strict=True)))


def handed_to(spec: GuestSpec, before: Sequence[str]) -> tuple[str, ...]:
    """Names of the images for guests in a guest; its own, so that one can be added any time.

    A cloud image has nothing to start guests with unless its user puts it in.

    before  what it was handed when it was made: its guests' disks name them by their places
    """
    wanted = [*before, spec.image, *(each.image for each in every(spec.guests))]
    return tuple(dict.fromkeys(wanted))


def inner_wish(spec: GuestSpec) -> Wanted:
    """What a guest must have as a hypervisor: KVM, unless all guests in it ask for emulation."""
    return "tcg" if all(each.accel == "tcg" for each in spec.guests) else "kvm"


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
    handed: Sequence[str] = (),
) -> GuestPlan:
    """Decide everything about a guest.

    taken     networks that any ancestor routes or that the lab gave away
    promised  bytes of the hypervisor's memory that guests planned before it will take
    has       bytes that it takes already
    network   the one that it had
    handed    names of the images that it is handed for its own guests

    Raises HostError `lab.no-memory` with the arithmetic, `net.no-free-subnet`, and as
    `guest_accelerator` does.
    """
    facts = hypervisor.facts
    if share_of(spec) > has:
        _must_fit(spec, hypervisor, promised - has)
    return GuestPlan(
        lab=lab,
        path=path_of(spec, hypervisor),
        arch=facts.arch or "unknown",
        accelerator=guest_accelerator(
            spec.accel, hypervisor.accelerator, facts, path=hypervisor.machine.path
        ),
        vcpus=spec.vcpus,
        memory=spec.memory,
        image=place.images[spec.image],
        network=network or choose_subnet(sorted(taken)),
        folder=f"{place.folder}/{spec.name}",
        sockets=f"{place.sockets}/{spec.name}",
        disk=spec.disk,
        cpu=spec.cpu,
        kernel=(*spec.kernel, *_early(spec)),
        hypervisor=spec.hypervisor,
        storage=_storage(spec, place.images[spec.image]),
        handed=tuple(place.images[name] for name in handed),
        disks=tuple(ScratchDisk(disk.size, disk.name, disk.iops) for disk in spec.disks),
        devices=spec.devices,
    )


def _early(spec: GuestSpec) -> tuple[str, ...]:
    """What its systemd shall start at once, since the machine becomes a hypervisor by it."""
    inner = any(guest.hypervisor == "libvirt" for guest in spec.guests)
    return ("systemd.wants=libvirtd.service",) if inner else ()


def _storage(spec: GuestSpec, image: BaseImage) -> Literal["nvme", "virtio"]:
    """As the lab file says, where that can be: libvirt, and newer kernels, are left with virtio."""
    # libvirt has no emulated NVMe
    return spec.storage if spec.hypervisor == "qemu" and image.numbers_in_order else "virtio"


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
