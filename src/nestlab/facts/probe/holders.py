"""Processes that have /dev/kvm open."""

import os
import re

from nestlab.facts.probe.report import UntoldError
from nestlab.facts.probe.source import ENTRIES, Source

HYPERVISORS = re.compile(
    r"(?:qemu|kvm|cloud-hyper|firecracker|crosvm|VirtualBox|VBox|vmware)", re.IGNORECASE
)


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
