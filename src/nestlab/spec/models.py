"""What a lab file says: frozen, strict, sizes in bytes.

The description of a field is what the hint of an error and the JSON Schema say about it.
"""

from ipaddress import AddressValueError, IPv4Network, NetmaskValueError
from typing import Annotated, Literal

from pydantic import (
    BeforeValidator,
    Field,
    WithJsonSchema,
)

from nestlab.spec.bench import Bench
from nestlab.spec.entry import Entry
from nestlab.spec.values import (
    AbsolutePath,
    Command,
    CpuModel,
    DiskName,
    DiskSize,
    GuestName,
    ImageName,
    KernelWord,
    LabName,
    LocalPath,
    Memory,
    Mode,
    NetworkName,
    PackageName,
    ProfileName,
    refusal,
)
from nestlab.units import GIB

_SIZE = "a number with a unit, such as 4GiB, 512MiB or 10GB"
_NAME = "a small letter, then small letters, digits and hyphens, not ending in a hyphen"


def _read_subnet(value: object) -> object:
    """A network from text; a number alone would silently be an address."""
    if isinstance(value, IPv4Network):
        subnet = value
    else:
        if not isinstance(value, str):
            raise refusal("must be a network in text")
        try:
            subnet = IPv4Network(value)
        except (AddressValueError, NetmaskValueError, ValueError) as error:
            raise refusal("is not an IPv4 network") from error
    if not 8 <= subnet.prefixlen <= 29:
        raise refusal("must have a prefix from /8 to /29")
    return subnet


class Disk(Entry):
    """A scratch disk of a guest, empty at first."""

    size: DiskSize = Field(description=f"size of the disk, from 1MiB: {_SIZE}")
    name: DiskName | None = Field(
        default=None,
        description=f"serial number that the guest sees, at most 20 characters: {_NAME}",
    )
    iops: int | None = Field(
        default=None,
        strict=True,
        ge=1,
        le=10_000_000,
        description="requests that it serves in a second at most, from 1 to 10000000",
    )


class File(Entry):
    """A file of L0 that is put into a guest."""

    source: LocalPath = Field(description="path on L0, relative to the folder of the lab file")
    target: AbsolutePath = Field(description="absolute path in the guest, without `..`")
    mode: Mode = Field(
        default=0o644,
        description='permissions in octal, such as "0644"',
        json_schema_extra={"default": "0644"},
    )


class Network(Entry):
    """A network that guests of this lab share, whatever their parents are."""

    subnet: (
        Annotated[
            IPv4Network,
            BeforeValidator(_read_subnet),
            WithJsonSchema({"type": "string", "format": "ipv4network"}),
        ]
        | None
    ) = Field(
        default=None,
        description="IPv4 network such as 10.20.0.0/24, from /8 to /29; chosen when left out",
    )
    ipv6: bool = Field(
        default=True, strict=True, description="true or false: IPv6 addresses on the network"
    )


class Settings(Entry):
    """Keys that a guest can have and `defaults` can give."""

    image: ImageName = Field(
        default="debian-12",
        description="name of an image: small letters, digits and any of . + _ -",
    )
    hypervisor: Literal["qemu", "libvirt"] = Field(
        default="qemu",
        description="what starts the guest on its parent: qemu, or libvirt, which starts QEMU",
    )
    accel: Literal["auto", "kvm", "tcg"] = Field(
        default="auto",
        description="auto (at L0 KVM where a probe ran a guest with it, else TCG; in a guest KVM), "
        "kvm (nothing else) or tcg (emulation)",
    )
    vcpus: int = Field(
        default=2, strict=True, ge=1, le=512, description="virtual CPUs, from 1 to 512"
    )
    memory: Memory = Field(
        default=2 * GIB,
        description=f"memory, from 64MiB: {_SIZE}",
        json_schema_extra={"default": "2GiB"},
    )
    disk: DiskSize = Field(
        default=16 * GIB,
        description=f"size of the root disk, from 1MiB: {_SIZE}",
        json_schema_extra={"default": "16GiB"},
    )
    storage: Literal["nvme", "virtio"] = Field(
        default="nvme",
        description="nvme where the kernel allows it, or virtio for a guest of L0 that `nestlab"
        " snapshot` shall save",
    )
    disks: tuple[Disk, ...] = Field(
        default=(), max_length=16, description="scratch disks, at most 16: [{size: 10GiB}]"
    )
    devices: tuple[AbsolutePath, ...] = Field(
        default=(),
        max_length=16,
        description="block devices or image files of the parent that the guest may read, at most "
        "16 absolute paths",
    )
    cpu: CpuModel | None = Field(
        default=None,
        description="CPU model and features as QEMU writes them, such as host or max,svm=on; "
        "chosen for nesting when left out",
    )
    kernel: tuple[KernelWord, ...] = Field(
        default=(),
        max_length=64,
        description="words for the kernel command line: printable ASCII, blanks only in quotes",
    )
    files: tuple[File, ...] = Field(
        default=(), description="files to put in: [{source: a.conf, target: /etc/a.conf}]"
    )
    packages: tuple[PackageName, ...] = Field(
        default=(), description="names of Debian packages to install at first boot"
    )
    run: tuple[Command, ...] = Field(
        default=(),
        description="commands at first boot: each a line of shell, or a list of words that no "
        "shell sees",
    )
    networks: tuple[NetworkName, ...] = Field(
        default=(), max_length=8, description="names of `networks` of this lab, at most 8"
    )
    profile: ProfileName = Field(
        default="default", description="name of a tuning profile: small letters, digits, hyphens"
    )


class Guest(Settings):
    """A guest, or `count` equal ones, and what runs inside each."""

    name: GuestName = Field(description=f"at most 31 characters: {_NAME}; not l0")
    count: int = Field(
        default=1, strict=True, ge=1, le=100, description="how many of them, from 1 to 100"
    )
    guests: "tuple[Guest, ...]" = Field(default=(), description="guests inside this one")


class LabSpec(Entry):
    """A whole lab file."""

    name: LabName = Field(description=f"at most 32 characters: {_NAME}")
    defaults: Settings = Field(
        default_factory=Settings, description="keys that every guest has, unless it says otherwise"
    )
    guests: tuple[Guest, ...] = Field(min_length=1, description="guests of L0, at least one")
    networks: dict[NetworkName, Network] = Field(
        default={},
        description=f"name: {{}} for each network; a name has at most 31 characters: {_NAME}",
        json_schema_extra={"additionalProperties": False},
    )
    bench: Bench = Field(
        default_factory=Bench, description="what is measured: {rounds: 5, workloads: […]}"
    )
