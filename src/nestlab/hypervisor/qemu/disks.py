"""The disks of a guest, as options of QEMU (pure)."""

from nestlab.hypervisor.plan import GuestPlan
from nestlab.hypervisor.qemu.files import Files, escape


def overlay_argv(plan: GuestPlan) -> tuple[str, ...]:
    """Create the guest's disk: an overlay, so that the base image is never copied."""
    files = Files(plan)
    lower = (plan.saved.disk, "qcow2") if plan.saved else (plan.image.disk, "raw")
    base = ("-b", lower[0], "-F", lower[1])
    size = () if plan.disk is None else (str(plan.disk),)
    return ("qemu-img", "create", "-q", "-f", "qcow2", *base, files.overlay, *size)


def grow_argv(plan: GuestPlan) -> tuple[str, ...] | None:
    """Give the guest's disk the size of its plan, if that has one; QEMU refuses to shrink it."""
    if plan.disk is None:
        return None
    return ("qemu-img", "resize", "-q", "-f", "qcow2", Files(plan).overlay, str(plan.disk))


def device(plan: GuestPlan, number: int) -> str:
    """The name that the guest's kernel gives its disk of this number, from 1: `/dev/vda`."""
    if plan.storage == "virtio":
        return f"/dev/vd{chr(ord('a') + number - 1)}"
    return f"/dev/nvme0n{number}"


def disk_options(plan: GuestPlan) -> tuple[str, ...]:
    """One NVMe controller: its driver is built into the kernel, so no initrd is needed.

    Disk n becomes `device(plan, n)`: 1 root, 2 seed, 3 and 4 the base image and its kernel, handed
    down read-only for the guest's own guests. On virtio, which can be saved, each is a device.
    """
    files = Files(plan)
    read_only = "format=raw,readonly=on,cache.direct=on,aio=native"
    drives = (
        ("root", files.overlay, "format=qcow2,cache.direct=on,aio=native,discard=unmap"),
        ("seed", files.seed, "format=raw,readonly=on"),
        ("base", plan.image.disk, read_only),
        ("kernel", plan.image.kernel, "format=raw,readonly=on"),
    )
    virtio = plan.storage == "virtio"
    argv = [] if virtio else ["-device", "nvme,id=nvme,serial=nestlab"]
    for number, (name, path, options) in enumerate(drives, start=1):
        argv += ["-drive", f"if=none,id={name},file={escape(path)},{options}"]
        on_nvme = f"nvme-ns,bus=nvme,drive={name},nsid={number}"
        argv += ["-device", f"virtio-blk-pci,drive={name}" if virtio else on_nvme]
    return tuple(argv)
