"""The kernel: release, build, command line, and what it says about the processor's flaws."""

import os
import re

from nestlab.facts.probe.report import UntoldError, word
from nestlab.facts.probe.source import Source

CMDLINE = set(
    "intel_iommu amd_iommu iommu nohz nohz_full isolcpus mitigations hugepages hugepagesz"
    " default_hugepagesz transparent_hugepage clocksource tsc module_blacklist modprobe.blacklist"
    " lockdown nosmt nopti pci pcie_acs_override efi initcall_blacklist nokaslr".split()
)
CMDLINE_STARTS = (
    "kvm.", "kvm_intel.", "kvm_amd.", "kvm_arm.", "kvm_hv.", "iommu.", "vfio",
)  # fmt: skip


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
