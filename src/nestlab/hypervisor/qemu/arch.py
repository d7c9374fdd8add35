"""What differs between architectures, in one table.

Sources: QEMU docs/system/i386/cpu.rst and target/i386/tcg/svm (TCG emulates AMD SVM with nested
paging, never Intel VMX); Linux Documentation/admin-guide/kernel-parameters.txt.
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
    firmware  candidates, the first that exists on the machine is used; none: QEMU's default.
              qboot starts a directly booted kernel without SeaBIOS, whose thousands of exits
              cost a second or more in an emulated L2 (docs/adr/0006)
    console   the serial console's device name
    kernel    command line words that every guest of this architecture gets
    """

    program: str
    machine: dict[str, str]
    cpu: dict[str, str]
    tcg: str
    firmware: tuple[str, ...]
    console: str
    kernel: tuple[str, ...]


_X86_64 = Arch(
    program="qemu-system-x86_64",
    machine={"kvm": "q35", "tcg": "q35,kernel-irqchip=split"},
    cpu={"kvm": "host", "tcg": "max,svm=on"},
    tcg="tcg,thread=multi,tb-size=1024",
    firmware=("/usr/share/qemu/qboot.rom", "/usr/share/qemu-kvm/qboot.rom"),
    console="ttyS0",
    # The same cheap clock at every level: with hpet at L1 and kvm-clock at L2 a comparison of
    # programs that read the clock often can come out upside down.
    kernel=("clocksource=tsc", "tsc=reliable", "no_timer_check"),
)

TABLE = {"x86_64": _X86_64}


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
