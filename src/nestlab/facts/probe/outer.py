"""The hypervisor around this machine, from the signs that it shows.

Source: Intel SDM vol. 2A (CPUID.01H:ECX bit 31: hypervisor).
"""

import mmap
import os
import re
import struct

from nestlab.facts.probe.kernel import release_or_none
from nestlab.facts.probe.log import whole_log
from nestlab.facts.probe.programs import VERSION_PATIENCE, Program
from nestlab.facts.probe.source import SETTING, Source

# unsigned *out; push rbx; mov eax, edi; xor ecx, ecx; cpuid; eax, ebx, ecx, edx to [rsi]; pop rbx
CPUID = bytes.fromhex("5389f831c90fa28906895e04894e0889560c5bc3")


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
