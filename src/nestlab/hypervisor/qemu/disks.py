"""The disks of a guest, as options of QEMU (pure)."""

from nestlab.hypervisor.plan import GuestPlan
from nestlab.hypervisor.qemu.files import Files, escape


def overlay_argv(plan: GuestPlan) -> tuple[str, ...]:
    """Create the guest's disk: an overlay, so that the base image is never copied."""
    files = Files(plan)
    base = ("-b", plan.image.disk, "-F", "raw")
    size = () if plan.disk is None else (str(plan.disk),)
    return ("qemu-img", "create", "-q", "-f", "qcow2", *base, files.overlay, *size)


def grow_argv(plan: GuestPlan) -> tuple[str, ...] | None:
    """Give the guest's disk the size of its plan, if that has one; QEMU refuses to shrink it."""
    if plan.disk is None:
        return None
    return ("qemu-img", "resize", "-q", "-f", "qcow2", Files(plan).overlay, str(plan.disk))


def disk_options(plan: GuestPlan) -> tuple[str, ...]:
    """One NVMe controller: its driver is built into the kernel, so no initrd is needed.

    Namespace n becomes /dev/nvme0n<n>: 1 root, 2 seed, 3 and 4 the base image and its kernel,
    handed down read-only for the guest's own guests.
    """
    files = Files(plan)
    read_only = "format=raw,readonly=on,cache.direct=on,aio=native"
    drives = (
        ("root", files.overlay, "format=qcow2,cache.direct=on,aio=native,discard=unmap"),
        ("seed", files.seed, "format=raw,readonly=on"),
        ("base", plan.image.disk, read_only),
        ("kernel", plan.image.kernel, "format=raw,readonly=on"),
    )
    argv = ["-device", "nvme,id=nvme,serial=nestlab"]
    for number, (name, path, options) in enumerate(drives, start=1):
        argv += ["-drive", f"if=none,id={name},file={escape(path)},{options}"]
        argv += ["-device", f"nvme-ns,bus=nvme,drive={name},nsid={number}"]
    return tuple(argv)
