"""The QEMU command line of a plan (pure; golden tests in tests/golden)."""

from dataclasses import dataclass

from nestlab.hypervisor.plan import GuestPlan
from nestlab.hypervisor.qemu.arch import Arch, arch_of


@dataclass(frozen=True)
class Files:
    """Names of a guest's files, all derived from its plan."""

    plan: GuestPlan

    @property
    def overlay(self) -> str:
        """The thin qcow2 on top of the base image."""
        return f"{self.plan.folder}/root.qcow2"

    @property
    def seed(self) -> str:
        """The tar that the guest unpacks first: keys, host name, addresses."""
        return f"{self.plan.folder}/seed.tar"

    @property
    def console_log(self) -> str:
        """Everything the guest printed on its serial console."""
        return f"{self.plan.folder}/console.log"

    @property
    def qemu_log(self) -> str:
        """What QEMU itself complained about after its start."""
        return f"{self.plan.folder}/qemu.log"

    @property
    def pid(self) -> str:
        """QEMU's process id; QEMU removes the file when it exits by itself."""
        return f"{self.plan.folder}/qemu.pid"

    @property
    def monitor(self) -> str:
        """The QMP socket."""
        return f"{self.plan.sockets}/qmp"

    @property
    def console(self) -> str:
        """The serial console's socket."""
        return f"{self.plan.sockets}/console"


def overlay_argv(plan: GuestPlan) -> tuple[str, ...]:
    """Create the guest's disk: an overlay, so that the base image is never copied."""
    files = Files(plan)
    base = ("-b", plan.image.disk, "-F", "raw")
    size = () if plan.disk is None else (str(plan.disk),)
    return ("qemu-img", "create", "-q", "-f", "qcow2", *base, files.overlay, *size)


def qemu_argv(plan: GuestPlan, *, firmware: str | None) -> tuple[str, ...]:
    """The full command line; the guest starts paused, so that no line of its console is missed."""
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
        *("-kernel", plan.image.kernel, "-append", kernel_command_line(plan)),
        *_console(plan),
        *_disks(plan),
        *_network(plan),
        *("-device", "virtio-rng-pci"),
        *("-pidfile", Files(plan).pid, "-D", Files(plan).qemu_log, "-daemonize"),
    )


def kernel_command_line(plan: GuestPlan) -> str:
    """What the guest's kernel is told; `panic=-1` with -no-reboot makes a panic end QEMU."""
    arch = _arch(plan)
    return " ".join((
        "root=/dev/nvme0n1 rw",
        f"console={arch.console} quiet panic=-1 net.ifnames=0",
        *arch.kernel,
        "init=/usr/lib/nestlab/init",
        *plan.kernel,
    ))  # fmt: skip


def _arch(plan: GuestPlan) -> Arch:
    return arch_of(plan.arch, where=f"{plan.path}, while planning it")


def _console(plan: GuestPlan) -> tuple[str, ...]:
    files = Files(plan)
    console = (
        f"socket,id=console,path={_escape(files.console)},server=on,wait=off"
        f",logfile={_escape(files.console_log)}"
    )
    monitor = f"socket,id=monitor,path={_escape(files.monitor)},server=on,wait=off"
    return (
        *("-chardev", console, "-serial", "chardev:console"),
        *("-chardev", monitor, "-mon", "chardev=monitor,mode=control"),
    )


def _disks(plan: GuestPlan) -> tuple[str, ...]:
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
        argv += ["-drive", f"if=none,id={name},file={_escape(path)},{options}"]
        argv += ["-device", f"nvme-ns,bus=nvme,drive={name},nsid={number}"]
    return tuple(argv)


def _network(plan: GuestPlan) -> tuple[str, ...]:
    """User-mode NAT; port 0 lets the kernel of the machine choose, so nothing can collide."""
    net = plan.network
    user = (
        f"user,id=net,ipv6=off,net={net.subnet},host={net.gateway},dns={net.resolver}"
        f",hostfwd=tcp:127.0.0.1:0-{net.guest.ip}:22"
    )
    return ("-netdev", user, "-device", "virtio-net-pci,netdev=net,romfile=")


def _escape(path: str) -> str:
    """A path inside a QEMU option: commas are doubled (QEMU's QemuOpts syntax)."""
    return path.replace(",", ",,")
