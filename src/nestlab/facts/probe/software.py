"""The distribution, its programs and packages, and its security modules."""

import re

from nestlab.facts.probe.processor import arch
from nestlab.facts.probe.programs import QEMU, VERSION_PATIENCE, Program, version
from nestlab.facts.probe.report import UntoldError
from nestlab.facts.probe.source import BIG, Source

TOOLS = (
    "qemu-img libvirtd virsh virt-install mmdebstrap fio sudo update-initramfs dracut mkinitcpio"
    " update-grub grub2-mkconfig grub-mkconfig grubby bootctl virt-host-validate kvm-ok systemctl"
).split()
LSM_FOLDERS = (
    "/sys/kernel/security", "/sys/module/apparmor", "/sys/fs/selinux", "/etc/selinux",
)  # fmt: skip


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


def lsm(source: "Source") -> "dict[str, object]":
    """Security modules (not shown where securityfs is not mounted), AppArmor, SELinux."""
    if source.offline and not any(map(source.exists, LSM_FOLDERS)):
        raise UntoldError("the copy has no folder of a security module")
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
