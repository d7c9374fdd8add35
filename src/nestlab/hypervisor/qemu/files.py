"""Names of a guest's files on its hypervisor's machine (pure)."""

from dataclasses import dataclass

from nestlab.hypervisor.plan import GuestPlan


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
        """Keys, host name, addresses: a tar for our own images, an ISO for cloud-init."""
        kind = "iso" if self.plan.image.kernel is None else "tar"
        return f"{self.plan.folder}/seed.{kind}"

    def scratch(self, number: int) -> str:
        """The thin qcow2 of a scratch disk."""
        return f"{self.plan.folder}/disk{number}.qcow2"

    @property
    def kernel(self) -> str:
        """A copy of its kernel, where something else than QEMU itself shall find it as a file."""
        return f"{self.plan.folder}/kernel"

    @property
    def initrd(self) -> str:
        """A copy of its initrd."""
        return f"{self.plan.folder}/initrd"

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


def escape(path: str) -> str:
    """A path inside a QEMU option: commas are doubled (QEMU's QemuOpts syntax)."""
    return path.replace(",", ",,")
