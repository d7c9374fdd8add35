"""The QEMU command line of a plan (pure; golden tests in tests/golden)."""

from nestlab.errors import HostError
from nestlab.hypervisor.plan import GuestPlan
from nestlab.hypervisor.qemu.arch import Arch, arch_of
from nestlab.hypervisor.qemu.disks import device, disk_options, initrd_of
from nestlab.hypervisor.qemu.files import Files, escape
from nestlab.hypervisor.qemu.nics import nic_options


def qemu_argv(plan: GuestPlan, *, firmware: str | None) -> tuple[str, ...]:
    """The full command line; the guest starts paused, so that no line of its console is missed.

    firmware  file of its firmware (`firmware_for`); None: QEMU's default

    Raises HostError `arch.unsupported`, `image.no-initrd`.
    """
    arch = _arch(plan)
    name = plan.accelerator.name
    return (
        arch.program,
        *("-name", f"guest={plan.identity}"),
        *("-accel", "kvm" if name == "kvm" else arch.tcg),
        *("-machine", arch.machine[name]),
        *("-cpu", plan.cpu or arch.cpu[name]),
        *("-smp", str(plan.vcpus), "-m", f"size={plan.memory // 1024}k"),
        *("-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-S"),
        *(("-bios", firmware) if firmware else ()),
        *_kernel(plan),
        *_initrd(plan),
        *(("-incoming", "defer") if plan.saved else ()),
        *_console(plan),
        *disk_options(plan),
        *nic_options(plan),
        *("-device", "virtio-rng-pci"),
        *("-pidfile", Files(plan).pid, "-D", Files(plan).qemu_log, "-daemonize"),
    )


def _kernel(plan: GuestPlan) -> tuple[str, ...]:
    """Nothing for an image with a boot loader, which finds its own."""
    if plan.image.kernel is None:
        return ()
    return ("-kernel", plan.image.kernel, "-append", kernel_command_line(plan))


def kernel_command_line(plan: GuestPlan) -> str:
    """What the guest's kernel is told; `panic=-1` with -no-reboot makes a panic end QEMU."""
    arch = _arch(plan)
    return " ".join((
        f"root={device(plan, 1)} rw",
        f"console={arch.console} quiet panic=-1 net.ifnames=0",
        *arch.kernel,
        "init=/usr/lib/nestlab/init",
        *((f"nestlab.seed={device(plan, 2)}",) if plan.storage == "virtio" else ()),
        *plan.kernel,
    ))  # fmt: skip


def _arch(plan: GuestPlan) -> Arch:
    return arch_of(plan.arch, where=f"{plan.path}, while planning it")


def _initrd(plan: GuestPlan) -> tuple[str, ...]:
    if plan.storage == "nvme":
        return ()
    initrd = initrd_of(plan)
    if initrd is None:
        raise HostError(
            "image.no-initrd",
            f"the image of {plan.path} has no initrd with drivers for disks on virtio",
            where=f"{plan.path}, while planning it",
            hint="use an image that nestlab builds, or disks on NVMe (then it cannot be saved)",
        )
    return "-initrd", initrd


def _console(plan: GuestPlan) -> tuple[str, ...]:
    files = Files(plan)
    console = (
        f"socket,id=console,path={escape(files.console)},server=on,wait=off"
        f",logfile={escape(files.console_log)}"
    )
    monitor = f"socket,id=monitor,path={escape(files.monitor)},server=on,wait=off"
    return (
        *("-chardev", console, "-serial", "chardev:console"),
        *("-chardev", monitor, "-mon", "chardev=monitor,mode=control"),
    )
