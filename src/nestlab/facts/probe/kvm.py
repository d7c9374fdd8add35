"""/dev/kvm: who may open it, and whether it works."""

import errno
import fcntl
import os
import re
import stat
import time

from nestlab.facts.probe.capabilities import capabilities, describe_cpuid
from nestlab.facts.probe.guest import CODE, GUEST_PATIENCE, Alarm, run_guest
from nestlab.facts.probe.report import MYPY
from nestlab.facts.probe.source import Source
from nestlab.facts.probe.users import group_name, group_number

if MYPY:
    from typing import Any

KVM_GET_API_VERSION = 0xAE00
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
