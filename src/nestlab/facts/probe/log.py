"""The kernel's log: the lines that concern nesting, without what identifies a machine."""

import os
import re

from nestlab.facts.probe.report import MYPY, UntoldError
from nestlab.facts.probe.source import BIG, Source

if MYPY:
    from typing import Callable

LOGGED = re.compile(
    r"kvm|vmx|\bsvm\b|hyper-v|hypervisor detected|\bDMAR\b|AMD-Vi|iommu|tsc.*unstable|clocksource"
    r"|disabled by bios|vbox|nested|started at EL[12]",
    re.IGNORECASE,
)
# the first has the builder's name, the others all of the command line, which is nobody's business
NOT_LOGGED = re.compile(r"Linux version |command line: ", re.IGNORECASE)
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


def kernel_log(source: "Source") -> "list[str]":
    """The lines of the kernel log that concern nesting: the first and the last hundred."""
    scrub = scrubber(source) if source.anonymous else str
    found = [
        scrub(re.sub(r"^<\d+>", "", line)[:400])
        for line in source.once(whole_log).splitlines()
        if LOGGED.search(line) and not NOT_LOGGED.search(line)
    ]
    return found if len(found) <= 200 else found[:100] + found[-100:]


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
