"""What differs between architectures, in one table.

Sources: QEMU docs/system/i386/cpu.rst and target/i386/tcg/svm (TCG emulates AMD SVM with nested
paging, never Intel VMX); docs/system/arm/virt.rst (`virtualization=on`: EL2, which KVM in the
guest needs; the firmware has to be named); Linux Documentation/admin-guide/kernel-parameters.txt.
"""

from dataclasses import dataclass

from nestlab.errors import HostError


@dataclass(frozen=True)
class Arch:
    """One architecture.

    program   the system emulator
    machine   accelerator name -> value of -machine
    cpu       accelerator name -> value of -cpu, chosen so that the guest can nest
    tcg       value of -accel under emulation
    firmware  candidates for a directly booted kernel, the first that exists on the machine is
              used; none: QEMU's default. qboot starts it without SeaBIOS, whose thousands of exits
              cost a second or more in an emulated L2 (docs/adr/0006)
    loader    candidates for an image that boots by itself, which it cannot do without one of them;
              empty: QEMU's default does it
    package   Debian's package with the loader
    console   the serial console's device name
    kernel    command line words that every guest of this architecture gets
    """

    program: str
    machine: dict[str, str]
    cpu: dict[str, str]
    tcg: str
    firmware: tuple[str, ...]
    loader: tuple[str, ...]
    package: str
    console: str
    kernel: tuple[str, ...]


_X86_64 = Arch(
    program="qemu-system-x86_64",
    machine={"kvm": "q35", "tcg": "q35,kernel-irqchip=split"},
    cpu={"kvm": "host", "tcg": "max,svm=on"},
    tcg="tcg,thread=multi,tb-size=1024",
    firmware=("/usr/share/qemu/qboot.rom", "/usr/share/qemu-kvm/qboot.rom"),
    loader=(),  # SeaBIOS comes with QEMU
    package="seabios",
    console="ttyS0",
    # The same cheap clock at every level: with hpet at L1 and kvm-clock at L2 a comparison of
    # programs that read the clock often can come out upside down.
    kernel=("clocksource=tsc", "tsc=reliable", "no_timer_check"),
)

_AARCH64 = Arch(
    program="qemu-system-aarch64",
    machine={"kvm": "virt,gic-version=3", "tcg": "virt,gic-version=3,virtualization=on"},
    cpu={"kvm": "host", "tcg": "max"},
    tcg="tcg,thread=multi,tb-size=1024",
    firmware=(),  # QEMU starts the kernel itself
    loader=(
        "/usr/share/AAVMF/AAVMF_CODE.fd",  # Debian, Ubuntu: qemu-efi-aarch64
        "/usr/share/edk2/aarch64/QEMU_EFI.fd",  # Fedora: edk2-aarch64
        "/usr/share/qemu/aavmf-aarch64-code.bin",  # openSUSE: qemu-uefi-aarch64
        "/usr/share/qemu/edk2-aarch64-code.fd",  # QEMU's own build
    ),
    package="qemu-efi-aarch64",
    console="ttyAMA0",
    kernel=(),  # every level reads the architecture's one timer
)

TABLE = {"x86_64": _X86_64, "aarch64": _AARCH64}


def arch_of(name: str, *, where: str) -> Arch:
    """The row for a machine's `uname -m`; raises HostError `arch.unsupported`.

    where  machine path and stage, for the error
    """
    try:
        return TABLE[name]
    except KeyError:
        raise HostError(
            "arch.unsupported",
            f"nestlab cannot start guests on {name} yet",
            where=where,
            hint=f"run it on one of: {', '.join(TABLE)}",
        ) from None


def firmware_for(arch: Arch, found: str | None, *, boots_itself: bool, where: str) -> str | None:
    """The value of -bios; raises HostError `qemu.no-firmware` where nothing can start the guest.

    found         the first candidate that the machine has
    boots_itself  whether the image has a boot loader of its own
    where         machine path and stage, for the error
    """
    if boots_itself and arch.loader and found is None:
        raise HostError(
            "qemu.no-firmware",
            f"there is no firmware that starts a cloud image with {arch.program}",
            where=where,
            hint=f"install it: `sudo apt-get install {arch.package}` (Debian, Ubuntu)",
            notes=tuple(f"looked for {candidate}" for candidate in arch.loader),
        )
    return found
