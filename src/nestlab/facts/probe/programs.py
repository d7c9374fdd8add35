"""Programs of the system that tell something only when they are run."""

import os
import re
import signal
import time

from nestlab.facts.probe.report import TEXT
from nestlab.facts.probe.source import PATH, Source

QEMU = {
    "x86_64": ("qemu-system-x86_64", ("qemu-system-x86",)),
    "aarch64": ("qemu-system-aarch64", ("qemu-system-arm",)),
    "ppc64": ("qemu-system-ppc64", ("qemu-system-ppc",)),
    "ppc64le": ("qemu-system-ppc64", ("qemu-system-ppc",)),
    "s390x": ("qemu-system-s390x", ("qemu-system-s390x", "qemu-system-misc")),
    "riscv64": ("qemu-system-riscv64", ("qemu-system-riscv", "qemu-system-misc")),
}
VERSION_PATIENCE = 2.0  # seconds that a program gets


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


def version(text: "str") -> "str":
    """The first x.y.z (or x.y) in it."""
    found = re.search(r"\d+(?:\.\d+)+", text[:TEXT])
    return found.group(0) if found else ""
