"""What a guest will be, decided before anything is started (frozen)."""

import re
from dataclasses import dataclass
from typing import Literal

from nestlab.hypervisor.accelerator import Accelerator
from nestlab.image.store import Image
from nestlab.net.lan import Port
from nestlab.net.subnet import GuestNetwork

BackEnd = Literal["qemu", "libvirt"]
"""What starts a guest: QEMU itself, or libvirt, which starts QEMU."""

Nat = Literal["slirp", "passt"]
"""What is between a guest and its parent: QEMU's user-mode network, or a process beside it."""


@dataclass(frozen=True)
class BaseImage:
    """A base image as one machine sees it: files at L0, block devices in a guest.

    disk    read-only; a root file system, or a whole disk where it boots by itself
    kernel  the kernel that boots it; None: it has a boot loader of its own, as cloud images have,
            and takes its seed by cloud-init
    format  of the disk
    initrd  with which a kernel boots from a disk on virtio; None: it cannot
    numbers_in_order  whether its kernel names the namespaces of an NVMe disk by their numbers;
                      matters where there is a `kernel`
    """

    disk: str
    kernel: str | None
    format: Literal["raw", "qcow2"] = "raw"
    initrd: str | None = None
    numbers_in_order: bool = True


def base_image(image: Image) -> BaseImage:
    """An image of the store, as this machine sees it."""
    kernel = None if image.kernel is None else str(image.kernel)
    initrd = None if image.initrd is None else str(image.initrd)
    return BaseImage(
        str(image.disk),
        kernel,
        image.manifest.format,
        initrd,
        numbers_in_order=kernel is None or _numbers_in_order(image.manifest.kernel),
    )


def _numbers_in_order(release: str | None) -> bool:
    """Whether a kernel looks at namespaces one after the other; since Linux 6.12 all at once.

    Then /dev/nvme0n1 is whichever was found first (commit 4e893ca81170, "nvme-core: scan
    namespaces asynchronously"). A release that cannot be read is taken for a new one.
    """
    found = re.match(r"(\d{1,4})\.(\d{1,4})\b", release or "", re.ASCII)
    return found is not None and (int(found[1]), int(found[2])) < (6, 12)


@dataclass(frozen=True)
class ScratchDisk:
    """A disk that is empty at first.

    size  bytes; only what is written takes space
    name  serial number that the guest sees: /dev/disk/by-id/virtio-NAME; None: d0, d1 …
    iops  requests that it serves in a second at most; None: as many as it can
    """

    size: int
    name: str | None = None
    iops: int | None = None


@dataclass(frozen=True)
class Saved:
    """A machine that was saved, as another hypervisor's machine must be to resume it.

    folder         on the hypervisor's machine: `state`, `root.qcow2`
    qemu           version of the QEMU that saved it
    machine        its machine type, versioned: `pc-q35-7.2-machine`
    cpu            the processor that the guest saw; "" when QEMU emulated it
    state_sha256   of `state`
    disk_sha256    of `root.qcow2`
    """

    folder: str
    qemu: str
    machine: str
    cpu: str
    state_sha256: str
    disk_sha256: str

    @property
    def state(self) -> str:
        """Memory and devices, as QEMU migrates them."""
        return f"{self.folder}/state"

    @property
    def disk(self) -> str:
        """The overlay of that moment; it is the base of the resumed guest's own."""
        return f"{self.folder}/root.qcow2"


@dataclass(frozen=True)
class GuestPlan:
    """One guest on one hypervisor.

    lab       the lab's id, carried by every process that belongs to it
    path      the guest's address in the lab: `l1/l2`
    memory    bytes
    disk      bytes of the root disk, at least the image's; None: the image's
    cpu       QEMU's CPU model with features; None: the architecture's, with which it can nest
    kernel    further words of the kernel command line; a boot loader has its own
    folder    where its files live *on the hypervisor's machine*
    hypervisor  what starts it
    storage   what its disks hang on; a guest on QEMU's NVMe cannot be saved, one on virtio needs
              `image.initrd`
    saved     what it is resumed from; None: it boots
    sockets   where its monitor and console sockets live there (short: UNIX sockets allow 107 bytes)
    mtu       bytes, of its way out; None: QEMU's own, 1500
    ports     its cards on networks of the lab
    handed    images for the guest's own guests, which it gets read-only as disks
    disks     empty disks of its own
    devices   block devices or image files of its parent, which it can read
    """

    lab: str
    path: str
    arch: str
    accelerator: Accelerator
    vcpus: int
    memory: int
    image: BaseImage
    network: GuestNetwork
    folder: str
    sockets: str
    disk: int | None = None
    cpu: str | None = None
    kernel: tuple[str, ...] = ()
    mtu: int | None = None
    ports: tuple[Port, ...] = ()
    nat: Nat = "slirp"
    hypervisor: BackEnd = "qemu"
    storage: Literal["nvme", "virtio"] = "nvme"
    saved: Saved | None = None
    handed: tuple[BaseImage, ...] = ()
    disks: tuple[ScratchDisk, ...] = ()
    devices: tuple[str, ...] = ()

    @property
    def hostname(self) -> str:
        """`l2` for `l1/l2`."""
        return self.path.rpartition("/")[2]

    @property
    def identity(self) -> str:
        """What its process carries in its command line; nothing else of the machine has it."""
        return f"nestlab-{self.lab}-{self.path.replace('/', '.')}"
