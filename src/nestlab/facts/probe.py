"""Read what matters for nesting on the machine that runs this file, and print it as JSON.

    probe.py [--root DIR] [--no-probe] [--no-programs] [--anonymous]

--root DIR   read the copy of another machine's files in DIR: no program is run, nothing outside
             DIR is read and nothing is said about the machine that runs this
--no-probe   look at /dev/kvm, do not open it
--no-programs  start no program, such as QEMU for its version: in an emulated guest each costs time
--anonymous  leave out what identifies a machine or its guests

This one file is sent to every level (`python3 -`), so it uses the standard library alone,
works with Python 3.6, needs no root and changes nothing. What cannot be read is listed under
`unknown` with the reason; it is never guessed. Every read is bounded and waits for nothing.

What the kernel does not show of another machine can be put into DIR as text: `dmesg`, `uname`,
`systemd-detect-virt`, `dev/kvm.ls` (a line of `ls -l /dev/kvm`) and `boot/IMAGE.ls` (what
lsinitramfs lists).

Sources: Linux Documentation/virt/kvm/api.rst and include/uapi/linux/kvm.h (the ioctls, struct
kvm_userspace_memory_region, kvm_sregs, kvm_regs, kvm_run, kvm_cpuid2, kvm_one_reg); AMD64
Architecture Programmer's Manual vol. 3 (CPUID Fn8000_0001_ECX bit 2: SVM); Intel SDM vol. 2A
(CPUID.01H:ECX bit 5: VMX, bit 31: hypervisor) and vol. 4 (MSR 3AH: IA32_FEATURE_CONTROL).
"""

import errno
import fcntl
import json
import mmap
import os
import re
import signal
import stat
import struct
import sys
import time

KVM_GET_API_VERSION = 0xAE00
KVM_CREATE_VM = 0xAE01
KVM_CHECK_EXTENSION = 0xAE03
KVM_GET_VCPU_MMAP_SIZE = 0xAE04
KVM_GET_SUPPORTED_CPUID = 0xC008AE05
KVM_CREATE_VCPU = 0xAE41
KVM_SET_USER_MEMORY_REGION = 0x4020AE46
KVM_RUN = 0xAE80
KVM_SET_REGS = 0x4090AE82
KVM_GET_SREGS = 0x8138AE83
KVM_SET_SREGS = 0x4138AE84
KVM_SET_ONE_REG = 0x4010AEAC
KVM_ARM_VCPU_INIT = 0x4020AEAE
KVM_ARM_PREFERRED_TARGET = 0x8020AEAF
KVM_EXIT_IO, KVM_EXIT_HLT, KVM_EXIT_MMIO = 2, 5, 6
ARM64_PC = 0x6030000000100040  # KVM_REG_ARM64 | SIZE_U64 | ARM_CORE | offsetof(regs.pc) / 4

CODE_AT = 0x1000
CODE = {
    # mov al, 0x2a; out 0x10, al; hlt  -- one port write, so that the guest has a visible effect
    "x86_64": b"\xb0\x2a\xe6\x10\xf4",
    # movz x1, #0x100, lsl #16; movz w0, #0x2a; str w0, [x1]  -- a store to where no memory is
    "aarch64": struct.pack("<3I", 0xD2A02001, 0x52800540, 0xB9000020),
}
ARM64_STORES_TO = 0x1000000
MEMORY = 0x10000  # a multiple of every page size that arm64 has
GUEST_PATIENCE = 5.0  # seconds; three instructions take milliseconds even under emulation

_X86_CAPABILITIES = {
    "IRQCHIP": 0, "NR_VCPUS": 9, "MAX_VCPUS": 66, "SPLIT_IRQCHIP": 121, "NESTED_STATE": 157,
    "HYPERV_ENLIGHTENED_VMCS": 163,
}  # fmt: skip
_PPC_CAPABILITIES = {
    "NR_VCPUS": 9, "MAX_VCPUS": 66, "PPC_HTM": 132, "PPC_MMU_RADIX": 134, "PPC_NESTED_HV": 160,
}  # fmt: skip
CAPABILITIES = {
    "x86_64": _X86_CAPABILITIES,
    "aarch64": {
        "NR_VCPUS": 9, "MAX_VCPUS": 66, "ARM_VM_IPA_SIZE": 165, "ARM_EL2": 240,
        "ARM_EL2_E2H0": 241,
    },
    "s390x": {
        "NR_VCPUS": 9, "MAX_VCPUS": 66, "S390_GMAP": 71, "S390_COW": 79, "S390_HPAGE_1M": 156,
        "S390_PROTECTED": 180,
    },
    "ppc64": _PPC_CAPABILITIES,
    "ppc64le": _PPC_CAPABILITIES,
}  # fmt: skip

FLAGS = (
    "vmx svm hypervisor ept npt vnmi tpr_shadow flexpriority vpid ept_ad nrip_save vgif avic"
    " x2avic v_vmsave_vmload vmcb_clean flushbyasid decodeassists pausefilter constant_tsc"
    " nonstop_tsc tsc_known_freq tsc_reliable x2apic rdrand rdseed sie"
).split()
NESTED_BY = ("kvm_intel", "kvm_amd", "kvm_hv", "kvm")
WITH_PARAMETERS = ("kvm", "kvm_intel", "kvm_amd", "kvm_hv", "vboxdrv")
MODULES = (
    "kvm kvm_intel kvm_amd kvm_hv kvm_pr kvm_pvm vboxdrv vmmon vfio vfio_pci vfio_iommu_type1"
    " vhost_net vhost_vsock tun nbd msr irqbypass"
).split()
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".split(":")
TOOLS = (
    "qemu-img libvirtd virsh virt-install mmdebstrap fio sudo update-initramfs dracut mkinitcpio"
    " update-grub grub2-mkconfig grub-mkconfig grubby bootctl virt-host-validate kvm-ok systemctl"
).split()
QEMU = {
    "x86_64": ("qemu-system-x86_64", ("qemu-system-x86",)),
    "aarch64": ("qemu-system-aarch64", ("qemu-system-arm",)),
    "ppc64": ("qemu-system-ppc64", ("qemu-system-ppc",)),
    "ppc64le": ("qemu-system-ppc64", ("qemu-system-ppc",)),
    "s390x": ("qemu-system-s390x", ("qemu-system-s390x", "qemu-system-misc")),
    "riscv64": ("qemu-system-riscv64", ("qemu-system-riscv", "qemu-system-misc")),
}
ARCHITECTURES = "x86_64 aarch64 ppc64le ppc64 s390x riscv64 loongarch64 i686 i586 armv7l".split()
INITRAMFS = (
    # program, folder or file of its configuration, program that lists an image
    ("update-initramfs", "/etc/initramfs-tools", "lsinitramfs"),
    ("dracut", "/etc/dracut.conf", "lsinitrd"),
    ("mkinitcpio", "/etc/mkinitcpio.conf", "lsinitcpio"),
)
MODPROBE_FOLDERS = (
    "/etc/modprobe.d", "/run/modprobe.d", "/usr/local/lib/modprobe.d", "/usr/lib/modprobe.d",
    "/lib/modprobe.d",
)  # fmt: skip
MODPROBE_VERBS = ("options", "blacklist", "install", "remove", "softdep", "alias")
# Microsoft documents this asset tag as the sign of a virtual machine in Azure
AZURE = "7783-7084-3265-9085-8269-3286-77"

TEXT = 4096  # characters of one text, as the model of the facts has it
SETTING = 4096  # bytes of a file in /sys that holds one value
REPORT = 3 << 20  # bytes of the whole report
BIG = 16 << 20  # bytes of the longest file that is read
ENTRIES = 8192  # names in one folder, and processors of one machine
VERSION_PATIENCE, LISTING_PATIENCE = 2.0, 10.0  # seconds that a program gets

MYPY = False  # type checkers take it as true; importing typing would cost every guest time
if MYPY:
    from typing import Any, Callable


class UntoldError(ValueError):
    """A fact that cannot be told, with the reason in words."""


class Facts:
    """Collects values; a reader that fails becomes `unknown` with its reason."""

    def __init__(self) -> "None":
        self.values = {}  # type: dict[str, object]
        self.unknown = {}  # type: dict[str, str]
        self.size = 0

    def add(self, name: "str", reader: "Callable[[], object]") -> "None":
        """Keep what `reader()` gives under `name`."""
        try:
            self.values[name] = self.fitting(reader())
        except UntoldError as problem:
            self.unknown[name] = printable(str(problem))
        except (
            ArithmeticError, ImportError, LookupError, MemoryError, OSError, RecursionError,
            ValueError, struct.error,
        ) as problem:  # fmt: skip
            self.unknown[name] = printable("%s: %s" % (type(problem).__name__, problem))

    def fitting(self, told: "object") -> "object":
        """The value as it is printed. Raises ValueError when it does not fit into the report."""
        value = printable(told)
        size = len(json.dumps(value, allow_nan=False))
        if self.size + size > REPORT:
            raise UntoldError("more than a report can hold")
        self.size += size
        return value


def printable(value: "Any") -> "Any":
    """The value with every text cut to what the model takes, and without lone surrogates."""
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")[:TEXT]
    if isinstance(value, dict):
        return {printable(key): printable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [printable(item) for item in value]
    if isinstance(value, int) and abs(value) >= 1 << 63:
        raise OverflowError("a number of %d bits" % value.bit_length())
    return value


class Source:
    """Where the facts are read: this machine, or with `root` a copy of another one's files.

    A copy is untrusted: its symbolic links lead to places inside of it, absolute or not.
    """

    def __init__(
        self,
        root: "str | None" = None,
        functional: "bool" = True,
        anonymous: "bool" = False,
        programs: "bool" = True,
    ) -> "None":
        self.offline = root is not None
        self.programs = programs and not self.offline
        self.root = (root or "").rstrip("/")
        self.functional = functional
        self.anonymous = anonymous
        self.kept = {}  # type: dict[str, Any]

    def once(self, reader: "Callable[[Source], Any]") -> "Any":
        """What the reader gives, asked once; what it raises comes every time."""
        name = reader.__name__
        if name not in self.kept:
            try:
                self.kept[name] = (reader(self), None)
            except (OSError, ValueError, LookupError, ImportError) as problem:
                self.kept[name] = (None, problem)
        value, failure = self.kept[name]
        if failure is not None:
            raise failure
        return value

    def resolve(self, path: "str") -> "str":
        """The place of `path` on the machine that runs this; in a copy no link is left in it.

        Raises OSError: what is not there, or more than 40 links (as the kernel has it).
        """
        if not self.offline:
            return path
        ahead = path.split("/")[::-1]
        behind = []  # type: list[str]
        links = 0
        while ahead:
            part = ahead.pop()
            if part == "..":
                del behind[-1:]
            if part in {"", ".", ".."}:
                continue
            try:
                target = os.readlink("/".join([self.root, *behind, part]))
            except OSError as problem:
                if problem.errno != errno.EINVAL:  # EINVAL: not a link
                    raise
                behind.append(part)
                continue
            links += 1
            if links > 40:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
            if target.startswith("/"):
                behind = []
            ahead.extend(target.split("/")[::-1])
        return "/".join([self.root, *behind]) or "/"

    def status(self, path: "str") -> "os.stat_result":
        """`stat` of the path. Raises OSError that names the path as its own machine has it."""
        try:
            return os.stat(self.resolve(path))
        except OSError as problem:
            raise OSError(problem.errno, problem.strerror, path) from problem

    def exists(self, path: "str") -> "bool":
        """Whether something is there."""
        try:
            self.status(path)
        except (OSError, ValueError):  # ValueError: a link to a name with a NUL
            return False
        return True

    def data(self, path: "str", limit: "int" = 1 << 16, head: "bool" = False) -> "bytes":
        """The bytes of a regular file, as those of /proc and /sys are; never waits.

        Raises OSError, and ValueError when it is longer than `limit` and not only its `head` is
        wanted.
        """
        try:
            content = read_file(self.resolve(path), limit + 1)
        except OSError as problem:
            raise OSError(problem.errno, problem.strerror, path) from problem
        if len(content) > limit and not head:
            raise ValueError("%s is longer than %d bytes" % (path, limit))
        return content[:limit]

    def text(self, path: "str", limit: "int" = 1 << 16, head: "bool" = False) -> "str":
        """Text of a file; bytes that are not UTF-8 are kept as escapes."""
        return self.data(path, limit, head).decode("utf-8", "backslashreplace").strip("\0\n ")

    def setting(self, path: "str") -> "str":
        """The one value that a file of /sys holds. Raises ValueError when it is not text."""
        value = self.data(path, SETTING).decode("utf-8").strip()
        if not value.isprintable():
            raise ValueError("%s does not hold text" % path)
        return value

    def setting_or(self, path: "str", default: "Any") -> "Any":
        """The same, or `default` when it is not there or cannot be read."""
        try:
            return self.setting(path)
        except (OSError, ValueError):
            return default

    def names(self, folder: "str") -> "list[str]":
        """What is in a folder, in order. Raises OSError; ValueError when it is too much."""
        try:
            found = sorted(os.listdir(self.resolve(folder)))
        except OSError as problem:
            raise OSError(problem.errno, problem.strerror, folder) from problem
        if len(found) > ENTRIES:
            raise ValueError("%s has more than %d entries" % (folder, ENTRIES))
        return found

    def names_or_none(self, folder: "str") -> "list[str]":
        """The same; nothing when the folder is not there."""
        try:
            return self.names(folder)
        except (FileNotFoundError, NotADirectoryError):
            return []

    def program(self, name: "str") -> "str | None":
        """Path of a program, looked for where systems have theirs, not where the user's are."""
        for folder in PATH:
            path = "%s/%s" % (folder, name)
            try:
                found = self.status(path)
            except (OSError, ValueError):
                continue
            # a copy may have lost the permission bits
            if stat.S_ISREG(found.st_mode) and (self.offline or os.access(path, os.X_OK)):
                return path
        return None

    def has_programs(self) -> "bool":
        """Whether programs can be looked for at all: a copy may have none."""
        return not self.offline or any(self.exists(folder) for folder in PATH)


def read_file(path: "str", limit: "int") -> "bytes":
    """A regular file up to its end or the limit. Raises OSError, also when it is something else."""
    if not stat.S_ISREG(os.stat(path).st_mode):  # opening a device can do something
        raise OSError(errno.EINVAL, "not a regular file")
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    parts = []  # type: list[bytes]
    try:
        while limit > 0:
            part = os.read(descriptor, min(limit, 1 << 20))
            if not part:
                break
            parts.append(part)
            limit -= len(part)
    finally:
        os.close(descriptor)
    return b"".join(parts)


class Program:
    """A program of the system that runs beside us: no input, C locale, bounded time and output."""

    def __init__(self, argv: "list[str]") -> "None":
        import subprocess  # noqa: PLC0415  (not needed for a copy, and slow)

        self.started = time.monotonic()
        self.child = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PATH": ":".join(PATH), "LC_ALL": "C", "HOME": "/nonexistent"},
            cwd="/",
            start_new_session=True,
        )

    def end(self, patience: "float", limit: "int" = 1 << 16) -> "str | None":
        """What it printed, once it ended; None when it was ended after `patience` seconds."""
        import select  # noqa: PLC0415

        out = self.child.stdout
        assert out is not None  # noqa: S101  (it was asked for)
        parts = []  # type: list[bytes]
        done = False
        poll = select.poll()
        poll.register(out, select.POLLIN)
        while not done and limit > 0:
            left = self.started + patience - time.monotonic()
            if left <= 0 or not poll.poll(left * 1000):
                break
            part = os.read(out.fileno(), min(limit, 1 << 16))
            done = not part
            limit -= len(part)
            parts.append(part)
        out.close()
        if not done:
            try:
                os.killpg(self.child.pid, signal.SIGKILL)
            except ProcessLookupError:
                done = False  # it ended by itself, too late
        self.child.wait()
        return b"".join(parts).decode("utf-8", "backslashreplace").strip() if done else None


def start_programs(source: "Source") -> "dict[str, Program]":
    """Those that tell something only when they are run; they run while we read."""
    started = {}  # type: dict[str, Program]
    if not source.programs:
        return started
    qemu = source.program(QEMU.get(os.uname().machine, ("", ()))[0])
    if os.access("/usr/libexec/qemu-kvm", os.X_OK):
        started["qemu-kvm"] = Program(["/usr/libexec/qemu-kvm", "--version"])
    for path in (qemu, source.program("libvirtd")):
        if path:
            started[os.path.basename(path)] = Program([path, "--version"])
    path = source.program("systemd-detect-virt")
    if path:
        started["systemd-detect-virt"] = Program([path, "--vm"])
    return started


def cpuinfo(source: "Source") -> "str":
    """/proc/cpuinfo: all of a copy's, else the first processor's; whole lines only."""
    # POWER's own lines are at the end
    if source.offline or os.uname().machine.startswith("ppc"):
        text = source.data("/proc/cpuinfo", BIG)
    else:
        text = source.data("/proc/cpuinfo", 1 << 16, head=True)
    return text[: text.rfind(b"\n") + 1].decode("utf-8", "backslashreplace")


def processor(source: "Source") -> "dict[str, str]":
    """The lines of /proc/cpuinfo about the first processor."""
    fields = {}  # type: dict[str, str]
    for line in source.once(cpuinfo).split("\n\n")[0].splitlines():
        key, _, value = line.partition(":")
        fields.setdefault(key.strip(), value.strip())
    return fields


def cpu(source: "Source") -> "dict[str, object]":
    """Vendor, model and the flags that decide about nesting, from the first processor.

    arm64 has numbers: the implementer (MIDR_EL1 bits 31:24) is the vendor, the part the model.
    POWER has no vendor: the platform is (`PowerNV`: no hypervisor below, `pSeries`: a guest).
    """
    text, fields = source.once(cpuinfo), source.once(processor)
    flags = fields.get("flags", fields.get("Features", fields.get("features", ""))).split()
    if not flags and "isa" not in fields and not fields.get("cpu"):
        raise UntoldError("/proc/cpuinfo says nothing about a processor")
    platform = re.search(r"^platform\s*:\s*(\S+)", text, re.MULTILINE)
    machine = re.search(r"machine = (\w+)", fields.get("processor 0", ""))
    model = fields.get("model name") or fields.get("cpu") or fields.get("CPU part")
    if source.offline:
        usable = list(range(len(re.findall(r"^processor\s*\d*\s*:", text, re.MULTILINE))))
        if not 1 <= len(usable) <= ENTRIES:
            raise UntoldError("/proc/cpuinfo has %d processors" % len(usable))
    else:
        usable = sorted(os.sched_getaffinity(0))
    return {
        "vendor": fields.get("vendor_id")
        or fields.get("CPU implementer")
        or (platform.group(1) if platform else ""),
        "model": model or (machine.group(1) if machine else ""),
        "flags": [flag for flag in FLAGS if flag in flags],
        "vmx_flags": fields.get("vmx flags", "").split()[:256],
        "online": len(usable),
        "usable": usable,
    }


def word(text: "str", what: "str") -> "str":
    """The text when it can be a version or a name. Raises ValueError."""
    if not re.match(r"[\w.+~-]{1,200}\Z", text, re.ASCII):
        raise UntoldError("no %s in %r" % (what, text[:80]))
    return text


def kernel(source: "Source") -> "str":
    """The kernel's release."""
    if not source.offline:
        return os.uname().release
    found = source.setting_or("/proc/sys/kernel/osrelease", "")
    if not found:
        line = re.match(r"Linux version (\S+)", source.text("/proc/version"))
        found = line.group(1) if line else ""
    return word(found, "kernel release")


def release_or_none(source: "Source") -> "str | None":
    """The same, where something can be told without it."""
    try:
        return kernel(source)
    except (OSError, ValueError):
        return None


def kernel_build(source: "Source") -> "str":
    """`uname -v`."""
    if not source.offline:
        return os.uname().version
    found = source.setting_or("/proc/sys/kernel/version", "")
    if not found:
        line = re.match(r"Linux version .*?(#\d.*)", source.text("/proc/version"))
        found = line.group(1) if line else ""
    if not found:
        raise UntoldError("no build in /proc/version")
    return str(found)


def arch(source: "Source") -> "str":
    """`uname -m`; of a copy what it says itself, or else what only one architecture has."""
    if not source.offline:
        return os.uname().machine
    found = source.setting_or("/proc/sys/kernel/arch", "")  # Linux 6.1 and later
    if found:
        return word(found, "architecture")
    for said in source.setting_or("/uname", "").split():
        if said in ARCHITECTURES:
            return str(said)
    fields = source.once(processor)
    vendor = fields.get("vendor_id", "")
    x86 = vendor in {"GenuineIntel", "AuthenticAMD", "HygonGenuine"}
    shapes = {
        "x86_64": x86 and "lm" in fields.get("flags", "").split(),
        "s390x": vendor == "IBM/S390",
        "aarch64": "CPU implementer" in fields and fields.get("CPU architecture") == "8",
        "ppc64le": re.match(r"POWER([89]|1\d)", fields.get("cpu", "")),
    }
    for name, fits in shapes.items():
        if fits:
            return name
    raise UntoldError("the copy does not tell its architecture")


def os_release(source: "Source") -> "dict[str, str]":
    """ID, ID_LIKE and VERSION_ID of the distribution (os-release(5))."""
    place = "/etc/os-release" if source.exists("/etc/os-release") else "/usr/lib/os-release"
    fields = {}  # type: dict[str, str]
    for line in source.text(place).splitlines():
        key, _, value = line.partition("=")
        value = value.strip()
        if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
            value = re.sub(r"\\([\"'$`\\])", r"\1", value[1:-1])
        fields[key.strip()] = value
    if not fields.get("ID"):
        raise UntoldError("no ID in %s" % place)
    return {key.lower(): fields.get(key, "") for key in ("ID", "ID_LIKE", "VERSION_ID")}


def clocksource(source: "Source") -> "dict[str, object]":
    """The clock that the kernel reads, and what it could read."""
    base = "/sys/devices/system/clocksource/clocksource0/"
    return {
        "current": word(source.setting(base + "current_clocksource"), "clocksource"),
        "available": source.setting(base + "available_clocksource").split(),
    }


def memory(source: "Source") -> "dict[str, int]":
    """Bytes in total and available."""
    text = source.text("/proc/meminfo")
    fields = dict(re.findall(r"^(\w+):\s+(\d{1,15}) kB$", text, re.MULTILINE))
    if int(fields["MemTotal"]) == 0:
        raise UntoldError("MemTotal is 0")
    return {
        "total": int(fields["MemTotal"]) * 1024,
        "available": int(fields["MemAvailable"]) * 1024,
    }


def load(source: "Source") -> "list[float]":
    """The load averages of 1, 5 and 15 minutes."""
    found = re.match(r"(\d+\.\d+) (\d+\.\d+) (\d+\.\d+) ", source.text("/proc/loadavg"), re.ASCII)
    if not found:
        raise UntoldError("no averages in /proc/loadavg")
    return [float(value) for value in found.groups()]


PRIVATE = (
    # RFC 1918, RFC 6598, RFC 3927: networks that everybody has
    (0x0A000000, 8), (0xAC100000, 12), (0xC0A80000, 16), (0x64400000, 10), (0xA9FE0000, 16),
)  # fmt: skip


def routes(source: "Source") -> "list[str]":
    """IPv4 networks that this machine routes, in CIDR notation.

    Anonymous: the default route and private networks only.
    """
    networks = []  # type: list[str]
    for _, address, length in route_table(source):
        told = length == 0 or any(
            length >= bits and address >> (32 - bits) == network >> (32 - bits)
            for network, bits in PRIVATE
        )
        if told or not source.anonymous:
            octets = (address >> 24, address >> 16 & 255, address >> 8 & 255, address & 255)
            networks.append("%d.%d.%d.%d/%d" % (*octets, length))
    if len(networks) > 65536:
        raise UntoldError("%d routes" % len(networks))
    return networks


def route_table(source: "Source") -> "list[tuple[str, int, int]]":
    """Interface, destination and prefix length of each line of /proc/net/route.

    The kernel prints the address as a number in the byte order of its processor.
    Raises OSError; ValueError when a line is cut or names no network.
    """
    order = sys.byteorder
    if source.offline:
        try:
            order = "big" if arch(source) in {"s390x", "ppc64"} else "little"
        except (OSError, ValueError):
            order = "little"
    lines = source.text("/proc/net/route", BIG).splitlines()
    if not lines or not lines[0].startswith("Iface"):
        raise UntoldError("/proc/net/route has no heading")
    found = []  # type: list[tuple[str, int, int]]
    for line in lines[1:]:
        columns = line.split()
        if len(columns) < 8 or len(columns[1]) != 8 or len(columns[7]) != 8:
            raise UntoldError("/proc/net/route has a line that was cut")
        address, mask = (
            int.from_bytes(bytes.fromhex(columns[index]), "big" if order == "big" else "little")
            for index in (1, 7)
        )
        inverse = ~mask & 0xFFFFFFFF
        if inverse & (inverse + 1) or address & inverse:
            raise UntoldError("/proc/net/route has a line that is no network")
        found.append((columns[0], address, 32 - bin(inverse).count("1")))
    return found


def interfaces(source: "Source") -> "list[dict[str, object]]":
    """Network interfaces, and whether a route with destination and mask 0 leaves by it."""
    try:
        default = {name for name, _, length in route_table(source) if length == 0}
    except (FileNotFoundError, NotADirectoryError):
        default = set()  # without IPv4 there is no IPv4 route
    found = []  # type: list[dict[str, object]]
    for name in source.names("/sys/class/net"):
        mtu = source.setting_or("/sys/class/net/%s/mtu" % name, "")
        if re.match(r"\d{1,9}\Z", mtu):
            found.append({"name": name, "mtu": int(mtu), "default": name in default})
    return found


def nested(source: "Source") -> "dict[str, str]":
    """The parameter `nested` of every KVM module that has one, as the kernel prints it."""
    found = {}  # type: dict[str, str]
    for module in NESTED_BY:
        path = "/sys/module/%s/parameters/nested" % module
        try:
            found[module] = word(source.setting(path), "value")
        except (FileNotFoundError, NotADirectoryError):
            continue
    return found


def parameters(source: "Source") -> "dict[str, dict[str, str]]":
    """Every parameter of these modules that can be read and is short."""
    found = {}  # type: dict[str, dict[str, str]]
    for module in WITH_PARAMETERS:
        base = "/sys/module/%s/parameters" % module
        for name in source.names_or_none(base)[:256]:
            value = source.setting_or("%s/%s" % (base, name), None)
            if value is not None and len(value) <= 200:
                found.setdefault(module, {})[name] = value
    return found


def dmi(source: "Source") -> "dict[str, object]":
    """Vendor and product names; no serial numbers."""
    base = "/sys/class/dmi/id/"
    names = source.names(base)
    if "sys_vendor" not in names and "product_name" not in names:
        raise UntoldError("the firmware tells neither vendor nor product")
    keys = ("sys_vendor", "product_name", "bios_vendor", "board_vendor")
    found = {key: source.setting_or(base + key, "") for key in keys}  # type: dict[str, object]
    found["azure"] = source.setting_or(base + "chassis_asset_tag", "") == AZURE
    return found


def queues(source: "Source") -> "dict[str, list[str]]":
    """Block device -> the CPU lists of its hardware queues (/sys/block/X/mq/N/cpu_list)."""
    devices = {}  # type: dict[str, list[str]]
    for device in source.names("/sys/block"):
        base = "/sys/block/%s/mq" % device
        for number in sorted(source.names_or_none(base)):
            cpus = source.setting_or("%s/%s/cpu_list" % (base, number), None)
            if cpus is not None:
                devices.setdefault(device, []).append(cpus)
    return devices


CMDLINE = set(
    "intel_iommu amd_iommu iommu nohz nohz_full isolcpus mitigations hugepages hugepagesz"
    " default_hugepagesz transparent_hugepage clocksource tsc module_blacklist modprobe.blacklist"
    " lockdown nosmt nopti pci pcie_acs_override efi initcall_blacklist nokaslr".split()
)
CMDLINE_STARTS = (
    "kvm.", "kvm_intel.", "kvm_amd.", "kvm_arm.", "kvm_hv.", "iommu.", "vfio",
)  # fmt: skip


def cmdline(source: "Source") -> "list[str]":
    """The words of the kernel command line that concern nesting; those after `--` are init's."""
    found = []  # type: list[str]
    for said in re.findall(r'(?:[^\s"]|"[^"]*")+', source.text("/proc/cmdline")):
        if said == "--":
            break
        key = said.partition("=")[0].replace("-", "_")
        if key in CMDLINE or key.startswith(CMDLINE_STARTS):
            found.append(said)
    return found


def vulnerabilities(source: "Source") -> "dict[str, str]":
    """What the kernel says about each flaw of the processor."""
    base = "/sys/devices/system/cpu/vulnerabilities"
    found = {name: source.setting_or("%s/%s" % (base, name), "") for name in source.names(base)}
    return {name: said for name, said in found.items() if said}


def feature_control(source: "Source") -> "int":
    """MSR 0x3a; the device is there when the module `msr` is loaded, and is root's."""
    if source.offline:
        raise UntoldError("a copy has no MSRs")
    path = "/dev/cpu/0/msr"
    if not stat.S_ISCHR(os.stat(path).st_mode):
        raise UntoldError("%s is not a device" % path)
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return int(struct.unpack("<Q", os.pread(descriptor, 8, 0x3A))[0])
    finally:
        os.close(descriptor)


def whole_log(source: "Source") -> "str":
    """The kernel's log; syslog(2) SYSLOG_ACTION_READ_ALL is 3, SYSLOG_ACTION_SIZE_BUFFER 10."""
    if source.offline:
        place = "/dmesg" if source.exists("/dmesg") else "/var/log/dmesg"
        text = source.text(place, BIG)
    else:
        import ctypes  # noqa: PLC0415  (some machines have a Python without it)

        call = ctypes.CDLL(None, use_errno=True).klogctl
        size = min(call(10, None, 0), BIG)
        buffer = ctypes.create_string_buffer(max(size, 1))
        length = call(3, buffer, size) if size > 0 else size
        if length < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), "the kernel log")
        text = buffer.raw[:length].decode("utf-8", "backslashreplace")
    if not text.strip("\0 \n"):
        raise UntoldError("the kernel log is empty")
    return text


LOGGED = re.compile(
    r"kvm|vmx|\bsvm\b|hyper-v|hypervisor detected|\bDMAR\b|AMD-Vi|iommu|tsc.*unstable|clocksource"
    r"|disabled by bios|vbox|nested",
    re.IGNORECASE,
)
# the first has the builder's name, the others all of the command line, which is nobody's business
NOT_LOGGED = re.compile(r"Linux version |command line: ", re.IGNORECASE)


def kernel_log(source: "Source") -> "list[str]":
    """The lines of the kernel log that concern nesting: the first and the last hundred."""
    scrub = scrubber(source) if source.anonymous else str
    found = [
        scrub(re.sub(r"^<\d+>", "", line)[:400])
        for line in source.once(whole_log).splitlines()
        if LOGGED.search(line) and not NOT_LOGGED.search(line)
    ]
    return found if len(found) <= 200 else found[:100] + found[-100:]


IDENTIFYING = (
    (r"\b[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}\b", "UUID"),
    (r"\b(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}\b", "MAC"),
    (r"\b(?:\d{1,3}\.){3}\d{1,3}\b", "ADDRESS"),
    (r"(?<![\w:.])(?:[0-9a-f]{1,4}:){3,7}(?::?[0-9a-f]{1,4})?(?![\w:.])", "ADDRESS"),
    (r"(?<=/home/)[^/\s\"]+", "USER"),
    (r"\b(?:[a-z0-9_-]+\.)+(?:com|org|net|edu|gov|io|de|eu|uk|fr|ch|jp|cn|local|lan|internal)\b",
     "HOST"),
    (r"(?<=serial)(\W+(?:number\W+)?)[\w-]+", r"\1SERIAL"),
)  # fmt: skip


def scrubber(source: "Source") -> "Callable[[str], str]":
    """A function that replaces what identifies a machine in a line of its log."""
    if source.offline:
        places = ("/proc/sys/kernel/hostname", "/etc/hostname")
        hosts = {source.setting_or(place, "") for place in places}
    else:
        hosts = {os.uname().nodename}
    names = sorted({name for host in hosts for name in (host, host.partition(".")[0]) if name})
    patterns = list(IDENTIFYING)
    if names:
        known = "|".join(re.escape(name) for name in names[::-1])
        patterns.insert(0, (r"(?<![\w-])(?:%s)(?![\w-])" % known, "HOST"))
    rules = [(re.compile(pattern, re.IGNORECASE), name) for pattern, name in patterns]

    def scrub(line: "str") -> "str":
        for rule, name in rules:
            line = rule.sub(name, line)
        return line

    return scrub


def modules(source: "Source") -> "dict[str, dict[str, object]]":
    """State of the modules that this product cares about.

    /sys/module/X of a module that was loaded has `initstate`, that of a built-in one has not; a
    built-in one is there only when it has parameters or a version.
    """
    loaded = loaded_modules(source)
    release = release_or_none(source)
    builtin = loadable = None
    if release:
        builtin = module_list(source, "/lib/modules/%s/modules.builtin" % release)
        loadable = module_list(source, "/lib/modules/%s/modules.dep" % release)
    found = {}  # type: dict[str, dict[str, object]]
    for name in MODULES:
        shown = source.exists("/sys/module/%s" % name)
        state = None  # type: str | None
        if loaded is not None and name in loaded:
            found[name] = dict(loaded[name], state="loaded")
            continue
        if source.exists("/sys/module/%s/initstate" % name):
            state = "loaded"
        elif listed(builtin, name) or (
            shown and not listed(loadable, name) and not (source.offline and loaded is None)
        ):
            state = "builtin"
        elif listed(loadable, name):
            state = "loaded" if shown else "available"
            if shown and loaded is not None:
                state = None  # two sources contradict each other
        elif builtin is not None and loadable is not None:
            state = "absent"
        found[name] = {"state": state}
    return found


def loaded_modules(source: "Source") -> "dict[str, dict[str, object]] | None":
    """/proc/modules: name size users holders state address; None when it cannot be read."""
    try:
        lines = source.text("/proc/modules", 1 << 20).splitlines()
    except (OSError, ValueError):
        return None
    found = {}  # type: dict[str, dict[str, object]]
    for line in lines:
        words = line.split()
        if len(words) < 5 or not words[1].isdigit():
            continue
        held = [holder for holder in words[3].split(",") if holder and holder[0] not in "-["]
        # a kernel that cannot unload has `-` for the count
        users = int(words[2]) if re.match(r"\d{1,9}\Z", words[2]) else None
        found[words[0]] = {"users": users, "used_by": held}
    return found


def module_list(source: "Source", path: "str") -> "bytes | None":
    """modules.dep or modules.builtin; None when it cannot be read or does not end as it should."""
    try:
        content = source.data(path, BIG >> 1)
    except (OSError, ValueError):
        return None
    return content if content.endswith(b"\n") and b".ko" in content else None


def listed(content: "bytes | None", name: "str") -> "bool":
    """Whether a module's file is in such a list; `-` and `_` are the same in its name."""
    spellings = {name, name.replace("_", "-")}
    return content is not None and any(
        ("/%s.ko" % spelling).encode() in content for spelling in spellings
    )


KVM_MODULES = {"kvm", "kvm_intel", "kvm_amd", "kvm_hv", "kvm_pr", "vboxdrv"}


def modprobe(source: "Source") -> "list[dict[str, object]]":
    """Lines about KVM's modules in modprobe.d (modprobe.d(5)).

    Files are taken in the order of their names; one in an earlier folder masks those of the same
    name in later ones. A link to /dev/null masks and says nothing.
    """
    places = {}  # type: dict[str, str]
    for folder in MODPROBE_FOLDERS:
        for name in source.names_or_none(folder):
            path = "%s/%s" % (folder, name)
            wanted = name.endswith(".conf") and not name.startswith(".") and name not in places
            if wanted and not is_folder(source, path):
                places[name] = path
    found = []  # type: list[dict[str, object]]
    for _, path in sorted(places.items()):
        if is_masked(source, path):
            continue
        text = source.data(path, 1 << 18).decode("utf-8", "backslashreplace")
        for number, words in config_lines(text):
            if len(words) > 1 and words[0] in MODPROBE_VERBS:
                about = set(words[1:3] if words[0] == "alias" else words[1:2])
                if {name.replace("-", "_") for name in about} & KVM_MODULES:
                    found.append({"file": path, "line": number, "text": " ".join(words)})
    return found


def is_folder(source: "Source", path: "str") -> "bool":
    """Whether the path is that of a folder."""
    try:
        return stat.S_ISDIR(source.status(path).st_mode)
    except (OSError, ValueError):
        return False


def is_masked(source: "Source", path: "str") -> "bool":
    """Whether it is a link that leads nowhere or to /dev/null."""
    folder, name = os.path.split(path)
    try:
        target = os.readlink("%s/%s" % (source.resolve(folder), name))
    except OSError:
        return False
    return target == "/dev/null" or not source.exists(path)


def config_lines(text: "str") -> "list[tuple[int, list[str]]]":
    """Number and words of each line; a backslash at the end joins the next, # is a comment."""
    found = []  # type: list[tuple[int, list[str]]]
    number = 1
    for line in re.findall(r"(?:\\\n|[^\n])+|\n", text):
        words = line.replace("\\\n", "").split()
        if words and not words[0].startswith("#"):
            found.append((number, words))
        number += line.count("\n")
    return found


def initramfs(source: "Source", lines: "list[dict[str, object]] | None") -> "dict[str, object]":
    """Tool and image, and whether a KVM module is inside.

    That takes a second of unpacking, so it is looked at only when there are `options` that an old
    copy in the image would not obey. `lines`: what `modprobe` found.
    """
    tool = lister = None
    for name, configuration, lists in INITRAMFS:
        if source.program(name) or (source.offline and source.exists(configuration)):
            tool, lister = name, lists
            break
    if source.offline and not (tool or source.has_programs() or source.exists("/boot")):
        raise UntoldError("the copy has neither programs nor /boot")
    release = release_or_none(source)
    names = ["initrd.img-%s", "initramfs-%s.img", "initrd-%s"] if release else []
    image = listing = None
    for path in ["/boot/" + name % release for name in names] + ["/boot/initramfs-linux.img"]:
        listing = path + ".ls"
        if source.exists(path) or (source.offline and source.exists(listing)):
            image = path
            break
    has_kvm = None
    if image and source.offline:
        text = source.text(listing or "", BIG) if source.exists(listing or "") else ""
        has_kvm = holds_kvm(text)
    elif image and lister and source.programs and has_options(lines):
        program = source.program(lister)
        if program and os.access(image, os.R_OK):
            text = Program([program, image]).end(LISTING_PATIENCE, BIG) or ""
            has_kvm = holds_kvm(text)
    return {"tool": tool, "image": image, "has_kvm": has_kvm}


def has_options(lines: "list[dict[str, object]] | None") -> "bool":
    """Whether modprobe.d gives a KVM module options, which an initramfs may not know."""
    return any(str(line["text"]).startswith("options") for line in lines or ())


def holds_kvm(listing: "str") -> "bool | None":
    """Whether a listing has a KVM module; None when it is no listing of an initramfs."""
    if re.search(r"/kvm[^/\s]*\.ko", listing):
        return True
    return False if re.search(r"(?:^|[\s/])(?:lib|bin|etc|init)\b", listing) else None


# unsigned *out; push rbx; mov eax, edi; xor ecx, ecx; cpuid; eax, ebx, ecx, edx to [rsi]; pop rbx
CPUID = bytes.fromhex("5389f831c90fa28906895e04894e0889560c5bc3")


def cpuid_signature(source: "Source") -> "str | None":
    """Signature at CPUID 0x40000000; empty on bare metal, None when it cannot be asked.

    The program's own memory has to be executable for that, which SELinux may refuse.
    """
    if source.offline or os.uname().machine != "x86_64":
        return None
    try:
        import ctypes  # noqa: PLC0415

        everything = mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC
        private = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        page = mmap.mmap(-1, mmap.PAGESIZE, flags=private, prot=everything)
    except (ImportError, OSError):
        return None
    page.write(CPUID)
    prototype = ctypes.CFUNCTYPE(None, ctypes.c_uint32, ctypes.c_void_p)
    call = prototype(ctypes.addressof(ctypes.c_char.from_buffer(page)))
    out = (ctypes.c_uint32 * 4)()
    call(1, ctypes.addressof(out))
    if not out[2] >> 31:
        return ""
    call(0x40000000, ctypes.addressof(out))
    return struct.pack("3I", *out[1:]).strip(b"\0").decode("ascii", "backslashreplace")


def outer(source: "Source", programs: "dict[str, Program]") -> "dict[str, object]":
    """Signs of the hypervisor around this machine."""
    said = None
    if source.offline:
        said = source.setting_or("/systemd-detect-virt", None)
    elif "systemd-detect-virt" in programs:
        said = programs.pop("systemd-detect-virt").end(VERSION_PATIENCE)
    return {
        "cpuid": cpuid_signature(source),
        "detect_virt": said if said and re.match(r"[\w-]{1,40}\Z", said) else None,
        "hypervisor": source.setting_or("/sys/hypervisor/type", ""),
        "firmware": firmware_hypervisor(source),
        "wsl": "microsoft" in (release_or_none(source) or "").lower(),
        "evmcs": enlightened(source),
        "container": container(source),
    }


def firmware_hypervisor(source: "Source") -> "str":
    """`linux,kvm` in the device tree, `KVM/Linux` in s390's /proc/sysinfo."""
    for base in ("/proc/device-tree", "/sys/firmware/devicetree/base"):
        try:
            return source.text(base + "/hypervisor/compatible", SETTING).replace("\0", " ")
        except (OSError, ValueError):
            continue
    try:
        text = source.text("/proc/sysinfo")
    except (OSError, ValueError):
        return ""
    line = re.search(r"^VM00 Control Program:\s*(.*\S)", text, re.MULTILINE)
    return line.group(1) if line else ""


def enlightened(source: "Source") -> "bool | None":
    """Whether the log says that KVM uses Hyper-V's VMCS; no only from a log that has the boot."""
    try:
        log = source.once(whole_log)
    except (OSError, ValueError, LookupError, ImportError):
        return None
    if re.search(r"Hyper-V: Nested features|using Hyper-V Enlightened VMCS", log, re.IGNORECASE):
        return True
    return False if "Linux version " in log else None


def container(source: "Source") -> "str":
    """The container's manager, from the marks that they leave."""
    said = source.setting_or("/run/systemd/container", "")
    if said:
        return str(said)
    for mark, name in (("/.dockerenv", "docker"), ("/run/.containerenv", "podman")):
        if source.exists(mark):
            return name
    try:
        environment = source.data("/proc/1/environ", 1 << 20)
    except (OSError, ValueError):  # another user's, mostly
        return ""
    found = re.search(rb"(?:^|\0)container=([\w-]{1,40})(?:\0|$)", environment)
    return found.group(1).decode("ascii") if found else ""


def user(source: "Source") -> "dict[str, object]":
    """Effective user and all groups, as numbers."""
    if source.offline:
        raise UntoldError("a copy has no user")
    return {"uid": os.geteuid(), "gids": sorted(set(os.getgroups()) | {os.getegid()})}


def paging(source: "Source") -> "dict[str, object]":
    """Huge pages by size in KiB, the chosen mode of THP, and KSM."""
    base = "/sys/kernel/mm/"
    if not source.exists(base):
        raise UntoldError("there is no /sys/kernel/mm")
    pages = {}  # type: dict[str, dict[str, int]]
    for name in source.names_or_none(base + "hugepages"):
        size = re.match(r"hugepages-(\d{1,12})kB\Z", name)
        counts = [
            source.setting_or("%shugepages/%s/%s_hugepages" % (base, name, kind), "")
            for kind in ("nr", "free")
        ]
        if size and all(re.match(r"\d{1,15}\Z", count) for count in counts):
            pages[size.group(1)] = {"total": int(counts[0]), "free": int(counts[1])}
    chosen = re.search(
        r"\[(\w+)\]", source.setting_or(base + "transparent_hugepage/enabled", "") or ""
    )
    ksm = {"0": False, "1": True, "2": False}.get(source.setting_or(base + "ksm/run", ""))
    return {"hugepages": pages, "thp": chosen.group(1) if chosen else None, "ksm": ksm}


def iommu(source: "Source") -> "dict[str, object]":
    """IOMMUs, and the PCI devices of each group; at most 512 devices in all."""
    groups = {}  # type: dict[str, list[dict[str, object]]]
    base = "/sys/kernel/iommu_groups"
    left = 512
    for number in sorted(source.names_or_none(base), key=lambda name: (len(name), name)):
        folder = "%s/%s/devices" % (base, number)
        addresses = source.names_or_none(folder)[:left]
        left -= len(addresses)
        if addresses:
            groups[number] = [pci(source, folder, address) for address in addresses]
    return {"units": source.names_or_none("/sys/class/iommu"), "groups": groups}


def pci(source: "Source", folder: "str", address: "str") -> "dict[str, object]":
    """One device of a group; those of other buses have none of these files."""
    base = "%s/%s/" % (folder, address)
    try:
        driver = os.path.basename(os.readlink(source.resolve(base) + "/driver"))  # type: str | None
    except OSError:
        driver = None
    return {
        "address": address,
        "klass": source.setting_or(base + "class", ""),
        "vendor": source.setting_or(base + "vendor", ""),
        "device": source.setting_or(base + "device", ""),
        "driver": driver,
    }


def entropy(source: "Source") -> "dict[str, object]":
    """Bits in the kernel's pool, and the hardware generator that feeds it."""
    available = source.setting("/proc/sys/kernel/random/entropy_avail")
    if not re.match(r"\d{1,9}\Z", available):
        raise UntoldError("no number in entropy_avail")
    rng = source.setting_or("/sys/class/misc/hw_random/rng_current", "")
    return {"available": int(available), "rng": "" if rng == "none" else rng}


def lsm(source: "Source") -> "dict[str, object]":
    """Security modules (not shown where securityfs is not mounted), AppArmor, SELinux."""
    active = source.setting_or("/sys/kernel/security/lsm", "")
    apparmor = source.setting_or("/sys/module/apparmor/parameters/enabled", "")
    enforce = source.setting_or("/sys/fs/selinux/enforce", "")
    selinux = {"1": "enforcing", "0": "permissive"}.get(enforce)
    if selinux is None and source.exists("/etc/selinux/config"):
        text = source.text("/etc/selinux/config")
        if re.search(r"^\s*SELINUX=disabled\s*$", text, re.MULTILINE):
            selinux = "disabled"
    return {
        "active": [name for name in active.split(",") if name],
        "apparmor": {"Y": True, "N": False}.get(apparmor),
        "selinux": selinux,
    }


def tools(source: "Source", programs: "dict[str, Program]") -> "dict[str, str]":
    """Programs that are there, with the version of QEMU and libvirt."""
    try:
        packages = {} if not source.offline else dpkg(source)
    except (OSError, ValueError):
        packages = {}
    if not (packages or source.has_programs()):
        raise UntoldError("the copy has neither programs nor a list of packages")
    try:
        qemu, names = QEMU.get(arch(source), ("", ()))
    except (OSError, ValueError):
        qemu, names = "", ()
    known = {qemu: names, "libvirtd": ("libvirt-daemon",)}
    found = {}  # type: dict[str, str]
    for tool in ([qemu] if qemu else []) + TOOLS:
        installed = [packages[name] for name in known.get(tool, ()) if name in packages]
        if installed or source.program(tool):
            found[tool] = installed[0] if installed else ""
    if source.exists("/usr/libexec/qemu-kvm"):
        found["qemu-kvm"] = ""
    for tool in [name for name in programs if name in found]:
        found[tool] = version(programs.pop(tool).end(VERSION_PATIENCE) or "")
    return found


def version(text: "str") -> "str":
    """The first x.y.z (or x.y) in it."""
    found = re.search(r"\d+(?:\.\d+)+", text[:TEXT])
    return found.group(0) if found else ""


def dpkg(source: "Source") -> "dict[str, str]":
    """Installed packages that have QEMU or libvirt, with the version that its authors gave it."""
    status = b"\n" + source.data("/var/lib/dpkg/status", BIG) + b"\n\n"
    wanted = {name for _, names in QEMU.values() for name in names} | {"libvirt-daemon"}
    found = {}  # type: dict[str, str]
    for name in wanted:
        start = status.find(("\nPackage: %s\n" % name).encode())
        if start < 0:
            continue
        text = status[start : status.index(b"\n\n", start + 1)].decode("utf-8", "replace")
        told = re.search(r"^Version: (?:\d+:)?(\d\S*)$", text, re.MULTILINE)
        if told and re.search(r"^Status: .* installed$", text, re.MULTILINE):
            found[name] = version(told.group(1))
    return found


def holders(source: "Source") -> "list[dict[str, object]]":
    """Processes that have /dev/kvm open. Anonymous: without names of guests."""
    if source.offline:
        raise UntoldError("a copy has no processes")
    if not os.path.exists("/dev/kvm"):
        return []
    found = []  # type: list[dict[str, object]]
    refused = False
    own = os.getpid()
    for pid in sorted(int(name) for name in os.listdir("/proc") if name.isdigit()):
        try:
            holds = pid != own and uses_kvm(pid)
            if holds and len(found) < ENTRIES:
                found.append(holder(source, pid))
        except PermissionError:
            refused = True
        except OSError:
            continue  # it ended meanwhile
    if refused and os.geteuid() != 0:
        raise UntoldError("needs root to see other users' processes")
    return found


def uses_kvm(pid: "int") -> "bool":
    """Whether it has /dev/kvm open, or a VM or vCPU that came from it. Raises OSError."""
    folder = "/proc/%d/fd/" % pid
    for number in os.listdir(folder):
        try:
            if os.readlink(folder + number).startswith(("/dev/kvm", "anon_inode:kvm-v")):
                return True
        except FileNotFoundError:
            continue  # closed meanwhile
    return False


HYPERVISORS = re.compile(
    r"(?:qemu|kvm|cloud-hyper|firecracker|crosvm|VirtualBox|VBox|vmware)", re.IGNORECASE
)


def holder(source: "Source", pid: "int") -> "dict[str, object]":
    """One process; QEMU can name itself after its guest (`-name guest=X,process=Y`)."""
    name = source.text("/proc/%d/comm" % pid)
    if source.anonymous:
        return {"pid": pid, "name": name if HYPERVISORS.match(name) else "process", "guest": None}
    argv = source.text("/proc/%d/cmdline" % pid, 1 << 20, True).split("\0")
    guest = None
    if "-name" in argv[:-1]:
        said = argv[argv.index("-name") + 1]
        named = re.search(r"(?:^|,)guest=((?:[^,]|,,)*)", said)
        guest = named.group(1) if named else said.partition(",")[0]
    return {"pid": pid, "name": name, "guest": guest}


def describe_cpuid(device: "int") -> "dict[str, object]":
    """What KVM would show a guest: VMX, SVM and the hypervisor's signature."""
    entries = 256
    table = bytearray(struct.pack("II", entries, 0) + bytes(40 * entries))
    fcntl.ioctl(device, KVM_GET_SUPPORTED_CPUID, table)
    leaves = {}
    for number in range(struct.unpack_from("I", table)[0]):
        function, index, _, eax, ebx, ecx, edx = struct.unpack_from("7I", table, 8 + 40 * number)
        if index == 0:
            leaves[function] = (eax, ebx, ecx, edx)
    none = (0, 0, 0, 0)
    signature = struct.pack("3I", *leaves.get(0x40000000, none)[1:]).strip(b"\0")
    return {
        "vmx": bool(leaves.get(1, none)[2] >> 5 & 1),
        "svm": bool(leaves.get(0x80000001, none)[2] >> 2 & 1),
        "signature": signature.decode("ascii", "backslashreplace"),
    }


def capabilities(device: "int", machine: "str") -> "dict[str, int]":
    """KVM_CHECK_EXTENSION of what concerns nesting on this architecture; 0 is no."""
    found = {}
    for name, number in CAPABILITIES.get(machine, {}).items():
        try:
            found[name] = fcntl.ioctl(device, KVM_CHECK_EXTENSION, number)
        except OSError:
            continue
    return found


def run_guest(device: "int", machine: "str") -> "bool":
    """Run three instructions in a new VM; true when they had their effect."""
    import ctypes  # noqa: PLC0415

    size = fcntl.ioctl(device, KVM_GET_VCPU_MMAP_SIZE)
    kind = 0
    if machine == "aarch64":  # the size of its addresses, which is 40 bits by default
        kind = min(fcntl.ioctl(device, KVM_CHECK_EXTENSION, 165), 40)
    vm = fcntl.ioctl(device, KVM_CREATE_VM, kind)
    memory = mmap.mmap(-1, MEMORY)
    vcpu = run = None
    try:
        code = CODE[machine]
        memory[CODE_AT : CODE_AT + len(code)] = code
        address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        region = struct.pack("IIQQQ", 0, 0, 0, MEMORY, address)
        fcntl.ioctl(vm, KVM_SET_USER_MEMORY_REGION, region)
        vcpu = fcntl.ioctl(vm, KVM_CREATE_VCPU, 0)
        run = mmap.mmap(vcpu, size)
        if machine == "aarch64":
            return stores(vm, vcpu, run)
        start_at(vcpu, CODE_AT)
        fcntl.ioctl(vcpu, KVM_RUN, 0)
        wrote = struct.unpack_from("I", run, 8)[0] == KVM_EXIT_IO
        fcntl.ioctl(vcpu, KVM_RUN, 0)
        halted = struct.unpack_from("I", run, 8)[0] == KVM_EXIT_HLT
        return bool(wrote and halted)
    finally:
        for descriptor in (vcpu, vm):
            if descriptor is not None:
                os.close(descriptor)
        if run is not None:
            run.close()


def start_at(vcpu: "int", address: "int") -> "None":
    """Point a fresh vCPU's real-mode CS:RIP at `address`."""
    sregs = bytearray(0x138)
    fcntl.ioctl(vcpu, KVM_GET_SREGS, sregs)
    # struct kvm_segment cs: u64 base, u32 limit, u16 selector
    struct.pack_into("Q", sregs, 0, 0)
    struct.pack_into("H", sregs, 12, 0)
    fcntl.ioctl(vcpu, KVM_SET_SREGS, bytes(sregs))
    registers = struct.pack("18Q", *([0] * 16 + [address, 2]))  # rip; rflags bit 1 is always set
    fcntl.ioctl(vcpu, KVM_SET_REGS, registers)


def stores(vm: "int", vcpu: "int", run: "mmap.mmap") -> "bool":
    """Run a fresh arm64 vCPU from CODE_AT; true when its store comes out as an MMIO exit."""
    import ctypes  # noqa: PLC0415

    target = bytearray(32)
    fcntl.ioctl(vm, KVM_ARM_PREFERRED_TARGET, target)
    fcntl.ioctl(vcpu, KVM_ARM_VCPU_INIT, bytes(target))
    start = ctypes.c_uint64(CODE_AT)
    fcntl.ioctl(vcpu, KVM_SET_ONE_REG, struct.pack("QQ", ARM64_PC, ctypes.addressof(start)))
    fcntl.ioctl(vcpu, KVM_RUN, 0)
    # struct kvm_run: u32 exit_reason at 8; at 32 u64 phys_addr, u8 data[8], u32 len, u8 is_write
    address, value, length, writes = struct.unpack_from("<QQIB", run, 32)
    return bool(
        struct.unpack_from("I", run, 8)[0] == KVM_EXIT_MMIO
        and (address, length, writes) == (ARM64_STORES_TO, 4, 1)
        and value & 0xFFFFFFFF == 0x2A
    )


class Alarm:
    """Ends a guest that never exits: KVM_RUN then fails with TimeoutError, an OSError."""

    def __init__(self, seconds: "float") -> "None":
        self.seconds = seconds

    def __enter__(self) -> "None":
        self.before = signal.signal(signal.SIGALRM, self.ring)
        signal.setitimer(signal.ITIMER_REAL, self.seconds)

    def __exit__(self, *_: "object") -> "None":
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self.before)

    def ring(self, *_: "object") -> "None":
        """The time is over."""
        raise TimeoutError(errno.ETIMEDOUT, "the test guest did not end")


KVM_FIELDS = "device open api guest_ran vmx svm signature seconds problem mode uid gid group"


def kvm(path: "str" = "/dev/kvm", source: "Source | None" = None) -> "dict[str, Any]":
    """Open /dev/kvm and use it: its mere presence proves nothing."""
    source = source or Source()
    found = dict.fromkeys(KVM_FIELDS.split(), None)  # type: dict[str, Any]
    found["capabilities"] = {}
    try:
        status = source.status(path)
        found["device"] = "char" if stat.S_ISCHR(status.st_mode) else "other"
    except OSError as problem:
        found["device"] = "absent" if problem.errno == errno.ENOENT else None
        found["problem"] = str(problem)
    else:
        found.update(mode=stat.S_IMODE(status.st_mode), uid=status.st_uid, gid=status.st_gid)
        found["group"] = group_name(source, status.st_gid)
    if source.offline:
        return copied_kvm(source, found)
    if found["device"] in {"char", "other"}:
        if source.functional:
            use_kvm(path, found)
        else:
            found["problem"] = "not opened, as it was asked for"
    return found


def use_kvm(path: "str", found: "dict[str, Any]") -> "None":
    """Open the device, ask it, and run the test guest; what came of it goes into `found`."""
    machine = os.uname().machine
    started = time.monotonic()
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as problem:
        found.update(open=False, problem=str(problem))
        return
    found["open"] = True
    try:
        found["api"] = fcntl.ioctl(descriptor, KVM_GET_API_VERSION)
        found["capabilities"] = capabilities(descriptor, machine)
        if machine == "x86_64":
            found.update(describe_cpuid(descriptor))
        if machine in CODE:
            with Alarm(GUEST_PATIENCE):
                found["guest_ran"] = run_guest(descriptor, machine)
        else:
            found["problem"] = "no test guest for %s" % machine
    except OSError as problem:
        found.update(guest_ran=False, problem=str(problem))
    except ImportError as problem:  # a Python without ctypes
        found["problem"] = "no guest was run: %s" % problem
    finally:
        os.close(descriptor)
    found["seconds"] = round(time.monotonic() - started, 6)


def copied_kvm(source: "Source", found: "dict[str, Any]") -> "dict[str, Any]":
    """What a copy says about the device; `cp` cannot copy one, so `dev/kvm.ls` counts as well."""
    if found["device"] == "char":
        return found
    if source.exists("/dev/kvm.ls"):
        line = re.match(
            r"([a-z-])([r-][w-][xsS-]){3}[.+@]?\s+\d+\s+(\S+)\s+(\S+)\s",
            source.text("/dev/kvm.ls") + " ",
        )
        if line:
            kind, _, owner, group = line.groups()
            found.update(device="char" if kind == "c" else "other", problem=None)
            found.update(mode=permission_bits(line.group(0)[1:10]), group=group)
            found["uid"] = 0 if owner == "root" else None
            found["gid"] = group_number(source, group)
            return found
    if found["device"] == "other":
        found.update(dict.fromkeys(("device", "mode", "uid", "gid", "group")))
        found["problem"] = "a file in a copy says nothing about the device"
    elif not source.exists("/dev"):
        found.update(device=None, problem="the copy has no /dev")
    return found


def permission_bits(letters: "str") -> "int":
    """`rw-rw----` as a number."""
    return sum(1 << (8 - place) for place, letter in enumerate(letters) if letter not in {"-", "S"})


def groups(source: "Source") -> "list[list[str]]":
    """/etc/group: name, password, number, members; nothing when it cannot be read."""
    try:
        text = source.text("/etc/group", 1 << 20)
    except (OSError, ValueError):
        return []
    return [line.split(":") for line in text.splitlines() if line.count(":") == 3]


def group_name(source: "Source", number: "int") -> "str | None":
    """The group's name."""
    return next((line[0] for line in groups(source) if line[2] == str(number)), None)


def group_number(source: "Source", name: "str") -> "int | None":
    """The group's number; of one that the copy does not list only root's is known."""
    found = [line[2] for line in groups(source) if line[0] == name]
    if found and re.match(r"\d{1,10}\Z", found[0]):
        return int(found[0])
    return 0 if name == "root" else None


READERS = (
    kernel, arch, cpu, os_release, clocksource, memory, routes, nested, dmi, queues, load,
    kernel_build, cmdline, vulnerabilities, feature_control, kernel_log, modules, parameters,
    modprobe, user, paging, iommu, interfaces, entropy, lsm, holders,
)  # fmt: skip


def collect(source: "Source | None" = None) -> "dict[str, object]":
    """All facts as one JSON-able object, `nestlab.facts/1`."""
    place = source or Source()
    facts = Facts()
    programs = {}  # type: dict[str, Program]
    try:
        programs = start_programs(place)
        for reader in READERS:
            facts.add(reader.__name__, lambda read=reader: read(place))  # type: ignore[misc]
        facts.add("kvm", lambda: kvm(source=place))
        lines = facts.values.get("modprobe")  # type: Any
        facts.add("initramfs", lambda: initramfs(place, lines))
        facts.add("outer", lambda: outer(place, programs))
        facts.add("tools", lambda: tools(place, programs))
    finally:
        for program in programs.values():
            program.end(0)
    return dict(facts.values, schema="nestlab.facts/1", unknown=facts.unknown)


def main(argv: "list[str]") -> "int":
    """Print the facts; 2 when the words of the command line make no sense."""
    root = None
    words = argv[::-1]
    given = set()  # type: set[str]
    while words:
        said = words.pop()
        if said == "--root" and words:
            root = words.pop()
        elif said in {"--no-probe", "--no-programs", "--anonymous"}:
            given.add(said)
        else:
            sys.stderr.write(
                "usage: probe.py [--root DIR] [--no-probe] [--no-programs] [--anonymous]\n"
            )
            return 2
    if root is not None and not os.path.isdir(root):
        sys.stderr.write("probe.py: %s is not a folder\n" % root)
        return 2
    source = Source(
        root,
        functional="--no-probe" not in given,
        anonymous="--anonymous" in given,
        programs="--no-programs" not in given,
    )
    json.dump(collect(source), sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
