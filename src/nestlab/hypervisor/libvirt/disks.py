"""The disks of a domain, the same in the same order as those of the QEMU back end (pure).

Source: libvirt docs/formatdomain, "Hard drives, floppy disks, CDROMs" and "iotune".
"""

from collections.abc import Iterator
from string import ascii_lowercase

from lxml import etree

from nestlab.errors import UsageError
from nestlab.hypervisor.libvirt.element import element
from nestlab.hypervisor.plan import GuestPlan
from nestlab.hypervisor.qemu.disks import handed_files, serials_of
from nestlab.hypervisor.qemu.files import Files


def disk_elements(plan: GuestPlan) -> list[etree._Element]:
    """`<disk>` for each. Raises UsageError `libvirt.too-many-disks`."""
    found = [*_own(plan), *_handed(plan), *_scratch(plan), *_devices(plan)]
    if len(found) > len(ascii_lowercase):
        raise UsageError(
            "libvirt.too-many-disks",
            f"{plan.path} would have {len(found)} disks, its own two and its images among them",
            hint=f"at most {len(ascii_lowercase)} can be named; give it fewer",
        )
    for letter, disk in zip(ascii_lowercase, found, strict=False):
        disk.append(element("target", dev=f"vd{letter}", bus="virtio"))
    return found


def _own(plan: GuestPlan) -> Iterator[etree._Element]:
    files = Files(plan)
    yield _disk(files.overlay, "qcow2", boots=plan.image.kernel is None)
    serial = "cidata" if plan.image.kernel is None else None
    yield _disk(files.seed, "raw", read_only=True, serial=serial)


def _handed(plan: GuestPlan) -> Iterator[etree._Element]:
    for name, path in handed_files(plan):
        serial = name if plan.image.kernel is None else None
        direct = name.startswith("base")
        yield _disk(path, "raw", read_only=True, direct=direct, serial=serial)


def _scratch(plan: GuestPlan) -> Iterator[etree._Element]:
    serials = [serial for serial, own in serials_of(plan).items() if own]
    for number, (disk, serial) in enumerate(zip(plan.disks, serials, strict=True)):
        yield _disk(Files(plan).scratch(number), "qcow2", serial=serial, iops=disk.iops)


def _devices(plan: GuestPlan) -> Iterator[etree._Element]:
    for number, path in enumerate(plan.devices):
        yield _disk(path, "raw", read_only=True, serial=f"dev{number}")


def _disk(
    path: str,
    form: str,
    *,
    read_only: bool = False,
    boots: bool = False,
    direct: bool = False,
    serial: str | None = None,
    iops: int | None = None,
) -> etree._Element:
    """Block devices of a guest are in /dev; a file there would be an odd one."""
    block = path.startswith("/dev/")
    driver = element("driver", name="qemu", type=form)
    if form == "qcow2" or direct:
        driver.set("cache", "none")
        driver.set("io", "native")
    if form == "qcow2":
        driver.set("discard", "unmap")
    source = element("source", dev=path) if block else element("source", file=path)
    disk = element("disk", driver, source, type="block" if block else "file", device="disk")
    if read_only:
        disk.append(element("readonly"))
    if serial:
        disk.append(element("serial", serial))
    if boots:
        disk.append(element("boot", order="1"))
    if iops:
        disk.append(element("iotune", element("total_iops_sec", str(iops))))
    return disk
