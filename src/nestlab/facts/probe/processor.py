"""The processor: vendor, model, architecture, and the flags that decide about nesting.

Source: Intel SDM vol. 4 (MSR 3AH: IA32_FEATURE_CONTROL).
"""

import os
import re
import stat
import struct

from nestlab.facts.probe.report import UntoldError, word
from nestlab.facts.probe.source import BIG, ENTRIES, Source

FLAGS = (
    "vmx svm hypervisor ept npt vnmi tpr_shadow flexpriority vpid ept_ad nrip_save vgif avic"
    " x2avic v_vmsave_vmload vmcb_clean flushbyasid decodeassists pausefilter constant_tsc"
    " nonstop_tsc tsc_known_freq tsc_reliable x2apic rdrand rdseed sie"
).split()
ARCHITECTURES = "x86_64 aarch64 ppc64le ppc64 s390x riscv64 loongarch64 i686 i586 armv7l".split()


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
