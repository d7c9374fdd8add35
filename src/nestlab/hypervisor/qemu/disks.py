"""The disks of a guest, as options of QEMU (pure)."""

import dataclasses
from collections.abc import Iterator

from nestlab.hypervisor.plan import BaseImage, GuestPlan, ScratchDisk
from nestlab.hypervisor.qemu.files import Files, escape

_OVERLAY = "format=qcow2,cache.direct=on,aio=native,discard=unmap"
_READ_ONLY = "readonly=on"
_HANDED = f"format=raw,{_READ_ONLY},cache.direct=on,aio=native"


def overlay_argv(plan: GuestPlan) -> tuple[str, ...]:
    """Create the guest's disk: an overlay, so that the base image is never copied."""
    lower = (plan.saved.disk, "qcow2") if plan.saved else (plan.image.disk, plan.image.format)
    base = ("-b", lower[0], "-F", lower[1])
    size = () if plan.disk is None else (str(plan.disk),)
    return ("qemu-img", "create", "-q", "-f", "qcow2", *base, Files(plan).overlay, *size)


def scratch_argv(plan: GuestPlan) -> tuple[tuple[str, ...], ...]:
    """Create each scratch disk: thin, so that an empty one takes no space."""
    return tuple(
        ("qemu-img", "create", "-q", "-f", "qcow2", Files(plan).scratch(number), str(disk.size))
        for number, disk in enumerate(plan.disks)
    )


def handed_files(plan: GuestPlan) -> tuple[tuple[str, str], ...]:
    """Name and path of each disk that hands an image down: its own, its kernel, and last initrds.

    They are last so that the others keep their places: disks in the guest name them by those.
    """
    files = list[tuple[str, str]]()
    for number, image in enumerate(plan.handed):
        files.append((f"base{number}", image.disk))
        files += [(f"kernel{number}", image.kernel)] if image.kernel else []
    for number, image in enumerate(plan.handed):
        files += [(f"initrd{number}", image.initrd)] if image.initrd else []
    return tuple(files)


def handed_down(plan: GuestPlan) -> tuple[BaseImage, ...]:
    """The images of `plan.handed` by the names that the guest itself has for them.

    An image with a boot loader has udev, and a kernel that numbers disks as it likes.
    """
    names = [name for name, _ in handed_files(plan)]
    if plan.image.kernel is None:
        seen = {name: f"/dev/disk/by-id/virtio-{name}" for name in names}
    else:
        seen = {name: device(plan, number) for number, name in enumerate(names, start=3)}
    return tuple(
        dataclasses.replace(
            image,
            disk=seen[f"base{number}"],
            kernel=seen.get(f"kernel{number}"),
            initrd=seen.get(f"initrd{number}"),
        )
        for number, image in enumerate(plan.handed)
    )


def initrd_of(plan: GuestPlan) -> str | None:
    """The file of its initrd: a copy where it was handed down as a disk, which QEMU cannot map."""
    given = plan.image.initrd
    return Files(plan).initrd if given and given.startswith("/dev/") else given


def initrd_argv(plan: GuestPlan) -> tuple[str, ...] | None:
    """Make that copy, if there shall be one."""
    given, file = plan.image.initrd, initrd_of(plan)
    if plan.storage == "nvme" or given is None or file is None or file == given:
        return None
    return ("cp", "--", given, file)


def grow_argv(plan: GuestPlan) -> tuple[str, ...] | None:
    """Give the guest's disk the size of its plan, if that has one; QEMU refuses to shrink it."""
    if plan.disk is None:
        return None
    return ("qemu-img", "resize", "-q", "-f", "qcow2", Files(plan).overlay, str(plan.disk))


def device(plan: GuestPlan, number: int) -> str:
    """The name that the guest's kernel gives its disk of this number, from 1: `/dev/vda`."""
    if _on_virtio(plan):
        return f"/dev/vd{chr(ord('a') + number - 1)}"
    return f"/dev/nvme0n{number}"


def disk_options(plan: GuestPlan) -> tuple[str, ...]:
    """All disks. What boots a kernel of ours is on NVMe, a boot loader finds virtio-blk.

    What boots a kernel of ours has NVMe, whose driver is in the kernel so that it needs no initrd,
    or virtio, which can be saved. Disk n becomes `device(plan, n)`: root, seed, and then the handed
    images as `handed_files` orders them. A boot loader, whose firmware may not know NVMe, has all
    on virtio; there the handed images have their names as serial numbers.
    """
    return (
        *_boot_disks(plan),
        *_own_disks(plan),
        *_scratch_disks(plan),
        *_devices(plan),
    )


def _boot_disks(plan: GuestPlan) -> Iterator[str]:
    """Root and seed of an image with a boot loader; cloud-init knows its seed by the label."""
    if plan.image.kernel is None:
        files = Files(plan)
        yield from _virtio("root", files.overlay, _OVERLAY, ",bootindex=0")
        yield from _virtio("seed", files.seed, f"format=raw,{_READ_ONLY}", ",serial=cidata")


def _on_virtio(plan: GuestPlan) -> bool:
    return plan.storage == "virtio" or plan.image.kernel is None


def _own_disks(plan: GuestPlan) -> Iterator[str]:
    files, drives = Files(plan), list[tuple[str, str, str]]()
    if plan.image.kernel is not None:
        drives += [
            ("root", files.overlay, _OVERLAY),
            ("seed", files.seed, f"format=raw,{_READ_ONLY}"),
        ]
    for name, path in handed_files(plan):
        options = _HANDED if name.startswith("base") else f"format=raw,{_READ_ONLY}"
        drives.append((name, path, options))
    virtio = _on_virtio(plan)
    if not virtio:
        yield from ("-device", "nvme,id=nvme,serial=nestlab")
    for number, (name, path, options) in enumerate(drives, start=1):
        if virtio:
            serial = f",serial={name}" if plan.image.kernel is None else ""
            yield from _virtio(name, path, options, serial)
        else:
            yield from ("-drive", f"if=none,id={name},file={escape(path)},{options}")
            yield from ("-device", f"nvme-ns,bus=nvme,drive={name},nsid={number}")


def serials_of(plan: GuestPlan) -> dict[str, bool]:
    """Serial numbers of the disks beside its own -> whether the guest may write them."""
    scratch = {_serial(number, disk): True for number, disk in enumerate(plan.disks)}
    return {**{f"dev{number}": False for number in range(len(plan.devices))}, **scratch}


def _serial(number: int, disk: ScratchDisk) -> str:
    return disk.name or f"d{number}"


def _scratch_disks(plan: GuestPlan) -> Iterator[str]:
    for number, disk in enumerate(plan.disks):
        serial = escape(_serial(number, disk))
        path = Files(plan).scratch(number)
        # QEMU's docs/throttle.txt; without `iops-size` a request counts once, however long it is
        limit = f",throttling.iops-total={disk.iops}" if disk.iops else ""
        yield from _virtio(f"disk{number}", path, _OVERLAY + limit, f",serial={serial}")


def _devices(plan: GuestPlan) -> Iterator[str]:
    for number, path in enumerate(plan.devices):
        options = f"format=raw,{_READ_ONLY}"
        yield from _virtio(f"device{number}", path, options, f",serial=dev{number}")


def _virtio(name: str, path: str, drive: str, device: str) -> tuple[str, ...]:
    return (
        *("-drive", f"if=none,id={name},file={escape(path)},{drive}"),
        *("-device", f"virtio-blk-pci,drive={name}{device}"),
    )
