"""Read what matters for nesting on the machine that runs this file, and print it as JSON.

This one file is sent to every level (`python3 -`), so it uses the standard library alone,
works with Python 3.6, needs no root and changes nothing. What cannot be read is listed under
`unknown` with the reason; it is never guessed.

Sources: Linux Documentation/virt/kvm/api.rst (the ioctls, struct kvm_userspace_memory_region,
kvm_sregs, kvm_regs, kvm_run, kvm_cpuid2); AMD64 Architecture Programmer's Manual vol. 3
(CPUID Fn8000_0001_ECX bit 2: SVM); Intel SDM vol. 2A (CPUID.01H:ECX bit 5: VMX).
"""

import ctypes
import errno
import fcntl
import glob
import json
import mmap
import os
import platform
import re
import socket
import stat
import struct
import sys
import time

KVM_GET_API_VERSION = 0xAE00
KVM_CREATE_VM = 0xAE01
KVM_GET_VCPU_MMAP_SIZE = 0xAE04
KVM_GET_SUPPORTED_CPUID = 0xC008AE05
KVM_CREATE_VCPU = 0xAE41
KVM_SET_USER_MEMORY_REGION = 0x4020AE46
KVM_RUN = 0xAE80
KVM_SET_REGS = 0x4090AE82
KVM_GET_SREGS = 0x8138AE83
KVM_SET_SREGS = 0x4138AE84
KVM_EXIT_IO, KVM_EXIT_HLT = 2, 5

CODE_AT = 0x1000
# mov al, 0x2a; out 0x10, al; hlt  -- one port write, so that the guest has a visible effect
CODE = b"\xb0\x2a\xe6\x10\xf4"
MEMORY = 0x4000
MYPY = False  # type checkers take it as true; importing typing would cost every guest time
if MYPY:
    from typing import Any, Callable

MODULES = ("kvm_intel", "kvm_amd", "kvm_hv", "kvm")


def read(path: "str", limit: "int" = 1 << 16) -> "str":
    """Text of a small file; bytes that are not UTF-8 are kept as escapes."""
    with open(path, "rb") as handle:
        return handle.read(limit).decode("utf-8", "backslashreplace").strip("\0\n ")


class Facts:
    """Collects values; a reader that fails becomes `unknown` with its reason."""

    def __init__(self) -> "None":
        self.values = {}  # type: dict[str, object]
        self.unknown = {}  # type: dict[str, str]

    def add(self, name: "str", reader: "Callable[[], object]") -> "None":
        """Keep what `reader()` gives under `name`."""
        try:
            self.values[name] = reader()
        except (OSError, ValueError, IndexError, KeyError, struct.error) as problem:
            self.unknown[name] = "%s: %s" % (type(problem).__name__, problem)


def cpu() -> "dict[str, object]":
    """Vendor, model and the flags that decide about nesting, from the first processor."""
    fields = {}
    for line in read("/proc/cpuinfo").split("\n\n")[0].splitlines():
        key, _, value = line.partition(":")
        fields[key.strip()] = value.strip()
    flags = fields.get("flags", fields.get("Features", "")).split()
    watched = ("vmx", "svm", "hypervisor", "ept", "npt", "constant_tsc", "nonstop_tsc")
    return {
        "vendor": fields.get("vendor_id", ""),
        "model": fields.get("model name", fields.get("cpu", "")),
        "flags": [flag for flag in watched if flag in flags],
        "online": len(os.sched_getaffinity(0)),
        "usable": sorted(os.sched_getaffinity(0)),
    }


def os_release() -> "dict[str, str]":
    """ID and VERSION_ID of the distribution."""
    text = read("/etc/os-release")
    fields = dict(re.findall(r'^(\w+)="?([^"\n]*)"?$', text, re.MULTILINE))
    return {key.lower(): fields.get(key, "") for key in ("ID", "ID_LIKE", "VERSION_ID")}


def clocksource() -> "dict[str, object]":
    """The clock that the kernel reads, and what it could read."""
    base = "/sys/devices/system/clocksource/clocksource0/"
    return {
        "current": read(base + "current_clocksource"),
        "available": read(base + "available_clocksource").split(),
    }


def memory() -> "dict[str, int]":
    """Bytes in total and available."""
    fields = dict(re.findall(r"^(\w+):\s+(\d+) kB$", read("/proc/meminfo"), re.MULTILINE))
    return {
        "total": int(fields["MemTotal"]) * 1024,
        "available": int(fields["MemAvailable"]) * 1024,
    }


def routes() -> "list[str]":
    """IPv4 networks that this machine routes, in CIDR notation."""
    networks = []
    for line in read("/proc/net/route").splitlines()[1:]:
        columns = line.split()
        address, mask = (struct.pack("<I", int(columns[index], 16)) for index in (1, 7))
        length = bin(struct.unpack(">I", mask)[0]).count("1")
        networks.append("%s/%d" % (socket.inet_ntoa(address), length))
    return networks


def nested() -> "dict[str, str]":
    """The parameter `nested` of every KVM module that has one, as the kernel prints it."""
    found = {}
    for module in MODULES:
        path = "/sys/module/%s/parameters/nested" % module
        if os.path.exists(path):
            found[module] = read(path)
    return found


def dmi() -> "dict[str, str]":
    """Vendor and product names; no serial numbers."""
    base = "/sys/class/dmi/id/"
    return {key: read(base + key) for key in ("sys_vendor", "product_name")}


def queues() -> "dict[str, list[str]]":
    """Block device -> the CPU lists of its hardware queues (/sys/block/X/mq/N/cpu_list)."""
    devices = {}  # type: dict[str, list[str]]
    for path in sorted(glob.glob("/sys/block/*/mq/*/cpu_list")):
        devices.setdefault(path.split("/")[3], []).append(read(path))
    return devices


def describe_cpuid(kvm: "int") -> "dict[str, object]":
    """What KVM would show a guest: VMX, SVM and the hypervisor's signature."""
    entries = 256
    table = bytearray(struct.pack("II", entries, 0) + bytes(40 * entries))
    fcntl.ioctl(kvm, KVM_GET_SUPPORTED_CPUID, table)
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


def run_guest(kvm: "int") -> "bool":
    """Run three instructions of real-mode code in a new VM; true when they had their effect."""
    size = fcntl.ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE)
    vm = fcntl.ioctl(kvm, KVM_CREATE_VM, 0)
    memory = mmap.mmap(-1, MEMORY)
    vcpu = run = None
    try:
        memory[CODE_AT : CODE_AT + len(CODE)] = CODE
        address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        region = struct.pack("IIQQQ", 0, 0, 0, MEMORY, address)
        fcntl.ioctl(vm, KVM_SET_USER_MEMORY_REGION, region)
        vcpu = fcntl.ioctl(vm, KVM_CREATE_VCPU, 0)
        run = mmap.mmap(vcpu, size)
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


def kvm(path: "str" = "/dev/kvm") -> "dict[str, Any]":
    """Open /dev/kvm and use it: its mere presence proves nothing."""
    names = "device open api guest_ran seconds vmx svm signature problem"
    found = dict.fromkeys(names.split())  # type: dict[str, Any]
    try:
        found["device"] = "char" if stat.S_ISCHR(os.stat(path).st_mode) else "other"
    except OSError as problem:
        found["device"] = "absent" if problem.errno == errno.ENOENT else None
        found["problem"] = str(problem)
        return found
    started = time.monotonic()
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError as problem:
        found.update(open=False, problem=str(problem))
        return found
    found["open"] = True
    try:
        found["api"] = fcntl.ioctl(descriptor, KVM_GET_API_VERSION)
        if platform.machine() == "x86_64":
            found.update(describe_cpuid(descriptor))
            found["guest_ran"] = run_guest(descriptor)
        else:
            found["problem"] = "no test guest for %s" % platform.machine()
    except OSError as problem:
        found.update(guest_ran=False, problem=str(problem))
    finally:
        os.close(descriptor)
    found["seconds"] = round(time.monotonic() - started, 6)
    return found


def collect() -> "dict[str, object]":
    """All facts as one JSON-able object, `nestlab.facts/1`."""
    facts = Facts()
    facts.add("kernel", platform.release)
    facts.add("arch", platform.machine)
    for reader in (cpu, os_release, clocksource, memory, routes, nested, dmi, queues, kvm):
        facts.add(reader.__name__, reader)
    facts.add("load", lambda: list(os.getloadavg()))
    return dict(facts.values, schema="nestlab.facts/1", unknown=facts.unknown)


if __name__ == "__main__":
    json.dump(collect(), sys.stdout)
