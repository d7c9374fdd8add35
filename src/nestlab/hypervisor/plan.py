"""What a guest will be, decided before anything is started (frozen)."""

from dataclasses import dataclass
from typing import Literal

from nestlab.hypervisor.accelerator import Accelerator
from nestlab.image.store import Image
from nestlab.net.subnet import GuestNetwork


@dataclass(frozen=True)
class BaseImage:
    """A base image as one machine sees it: files at L0, block devices in a guest.

    disk    read-only; a root file system, or a whole disk where it boots by itself
    kernel  the kernel that boots it; None: it has a boot loader of its own, as cloud images have,
            and takes its seed by cloud-init
    format  of the disk
    """

    disk: str
    kernel: str | None
    format: Literal["raw", "qcow2"] = "raw"


def base_image(image: Image) -> BaseImage:
    """An image of the store, as L0 sees it."""
    kernel = None if image.kernel is None else str(image.kernel)
    return BaseImage(str(image.disk), kernel, image.manifest.format)


@dataclass(frozen=True)
class ScratchDisk:
    """A disk that is empty at first.

    size  bytes; only what is written takes space
    name  serial number that the guest sees: /dev/disk/by-id/virtio-NAME; None: d0, d1 …
    """

    size: int
    name: str | None = None


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
    sockets   where its monitor and console sockets live there (short: UNIX sockets allow 107 bytes)
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
