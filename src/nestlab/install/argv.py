"""The QEMU command line of an installation (pure)."""

from dataclasses import dataclass
from pathlib import Path

from nestlab.hypervisor.accelerator import Accelerator
from nestlab.hypervisor.qemu.arch import Arch
from nestlab.hypervisor.qemu.files import escape

_KILLED_WITH_US = ("setpriv", "--pdeathsig", "KILL", "--")
"""util-linux: the kernel ends QEMU when nestlab goes, however that went (PR_SET_PDEATHSIG)."""


@dataclass(frozen=True)
class Build:
    """A machine that installs.

    kernel, initrd  of the installer, on this machine
    words           its kernel command line
    memory          bytes
    disk            qcow2 that it installs to
    console         file that gets what it prints
    media           an ISO that it has as its CD, None: it has none
    answers         an ISO labelled `cidata`, None: its answers are in the initrd
    """

    identity: str
    kernel: Path
    initrd: Path
    words: tuple[str, ...]
    vcpus: int
    memory: int
    disk: Path
    console: Path
    media: Path | None = None
    answers: Path | None = None


def installer_argv(build: Build, accelerator: Accelerator, arch: Arch) -> tuple[str, ...]:
    """The full command line; it runs until the installer powers off or restarts the machine.

    Nothing of the disk is flushed while it is installed to (`cache=unsafe`): it has no name before
    all of it is on the disk of this machine, and is thrown away when anything fails.
    """
    name = accelerator.name
    return (
        *_KILLED_WITH_US,
        arch.program,
        *("-name", f"guest={build.identity}"),
        *("-accel", "kvm" if name == "kvm" else arch.tcg),
        *("-machine", arch.machine[name], "-cpu", arch.cpu[name]),
        *("-smp", str(build.vcpus), "-m", f"size={build.memory // 1024}k"),
        *("-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"),
        *("-kernel", str(build.kernel), "-initrd", str(build.initrd)),
        *("-append", " ".join(build.words)),
        *_disk("root", build.disk, "format=qcow2,cache=unsafe,discard=unmap", ""),
        *(_disk("seed", build.answers, "format=raw,readonly=on", "") if build.answers else ()),
        *(_cd(build.media) if build.media else ()),
        *("-netdev", "user,id=net,ipv6=off", "-device", "virtio-net-pci,netdev=net,romfile="),
        *("-device", "virtio-rng-pci"),
        *("-chardev", f"file,id=console,path={escape(str(build.console))}"),
        *("-serial", "chardev:console"),
    )


def _disk(name: str, path: Path, options: str, more: str) -> tuple[str, ...]:
    drive = f"if=none,id={name},file={escape(str(path))},{options}"
    return ("-drive", drive, "-device", f"virtio-blk-pci,drive={name}{more}")


def _cd(path: Path) -> tuple[str, ...]:
    drive = f"if=none,id=cd,media=cdrom,file={escape(str(path))},format=raw,readonly=on"
    return ("-drive", drive, "-device", "virtio-scsi-pci", "-device", "scsi-cd,drive=cd")
