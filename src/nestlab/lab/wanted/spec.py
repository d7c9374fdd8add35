"""Guests as a lab wants them; the chain of a demo: one guest per level."""

from dataclasses import dataclass, field
from ipaddress import IPv4Network
from pathlib import Path
from typing import Literal

from nestlab.errors import UsageError
from nestlab.hypervisor.accelerator import Wanted
from nestlab.hypervisor.plan import BackEnd
from nestlab.units import GIB, MIB

MAX_DEPTH = 4


@dataclass(frozen=True)
class FileSpec:
    """A file of the user's that is put into a guest; `mode` are its permission bits there.

    sha256  of what it held when the lab file was read; tells whether it has changed since, wherever
            it is now
    """

    source: Path = field(compare=False)
    target: str
    mode: int = 0o644
    sha256: str = ""


@dataclass(frozen=True)
class DiskSpec:
    """A scratch disk; size in bytes, `name` the serial number that the guest sees.

    iops  requests that it serves in a second at most; None: as many as it can
    """

    size: int
    name: str | None = None
    iops: int | None = None


@dataclass(frozen=True)
class NetworkSpec:
    """A network of the lab; `subnet` None: one that nobody routes."""

    name: str
    subnet: IPv4Network | None = None
    ipv6: bool = True


@dataclass(frozen=True)
class GuestSpec:
    """A guest as the user asks for it, with the guests inside it; sizes in bytes.

    image   name of the image that it is made from
    hypervisor  what starts it on its parent
    accel   what runs it; `auto`: what its lab has at L0, and KVM inside guests
    disk    of its root disk, at least the image's; None: the image's
    storage  what its disks hang on at L0: `nvme`, or `virtio`, which can be saved
    cpu     QEMU's CPU model with features; None: the one with which the guest can nest
    kernel  further words of its kernel command line
    disks   empty at first
    devices  block devices or image files of its parent that it can read
    networks  names of the lab's networks that it is on
    packages  of its distribution, installed when it is up for the first time
    files   put into it after that
    run     commands, in order, last
    """

    name: str
    vcpus: int
    memory: int
    image: str = "debian-12"
    hypervisor: BackEnd = "qemu"
    accel: Wanted = "auto"
    disk: int | None = None
    storage: Literal["nvme", "virtio"] = "nvme"
    cpu: str | None = None
    kernel: tuple[str, ...] = ()
    disks: tuple[DiskSpec, ...] = ()
    devices: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    files: tuple[FileSpec, ...] = ()
    run: tuple[tuple[str, ...], ...] = ()
    guests: "tuple[GuestSpec, ...]" = ()


def chain_of(depth: int) -> tuple[GuestSpec, ...]:
    """l1 with l2 in it, and so on, 2 vCPUs each.

    L1 has 4 GiB, or what the levels below need, and each child half of its parent's.

    Raises UsageError `demo.depth`.
    """
    if not 1 <= depth <= MAX_DEPTH:
        raise UsageError(
            "demo.depth",
            f"a chain of {depth} guests cannot be built",
            hint=f"choose --depth from 1 to {MAX_DEPTH}",
        )
    first = max(4 * GIB, GIB << (depth - 1))
    guests: tuple[GuestSpec, ...] = ()
    for level in range(depth, 0, -1):
        memory = max(first >> (level - 1), 512 * MIB)
        guests = (GuestSpec(f"l{level}", vcpus=2, memory=memory, guests=guests),)
    return guests
