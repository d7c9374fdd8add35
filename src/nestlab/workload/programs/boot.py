"""Starts a small guest, and says how long it takes to SSH and to all of its system.

    python3 -I boot.py OPTIONS -- QEMU-IMG … -- QEMU …

The clock begins right before QEMU is started. Prints one JSON object: the seconds, or why there
are none. QEMU and every file of it are gone afterwards, also after a signal, when nobody reads what
is printed any more, and at the bound; QEMU even when this is killed. Python 3.9 and nothing else.
What the guest prints is not trusted: it is read in bounded pieces and quoted in ASCII.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import re
import select
import shutil
import signal
import socket
import sys
import time
from pathlib import Path
from subprocess import DEVNULL, Popen
from typing import BinaryIO

TICK = 0.02  # seconds between two looks, at first
SHARE = 0.005  # later this part of the time so far: looks take the guest's own CPU
PATIENCE = 10  # seconds: sshd of a slow guest takes several to say its first word
SPARE = 64 << 20  # bytes that QEMU itself needs, and that the machine has to keep
FLOOD = 16 << 20  # bytes of a console that nobody wants to read
LINE = 1 << 16

READY = b"nestlab: ready"  # the image's own init says so when it has started sshd
UP = re.compile(rb"Reached target (?:multi-user\.target|Multi-User System)")
COLOUR = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")
FORWARD = re.compile(r"TCP\[HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(\d+)\s+[\d.]+\s+22\s", re.ASCII)
QMP = (
    b'{"execute": "qmp_capabilities"}\n',
    b'{"execute": "human-monitor-command", "arguments": {"command-line": "info usernet"}}\n',
)

SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
LIBC = ctypes.CDLL(None)


class NoFigureError(Exception):
    """Why there are no seconds: `failed`, or `unavailable` where none can be had; and the words."""


def pause(now: float) -> float:
    """Seconds until the next look."""
    return max(TICK, now * SHARE)


class Console:
    """What the guest prints, as far as QEMU has written it down."""

    def __init__(self, path: Path) -> None:
        self.path, self.place, self.tail = path, 0, b""
        self.ready = self.all_up = False

    def look(self) -> None:
        """Read what is new."""
        if self.path.exists():
            with self.path.open("rb") as file:
                file.seek(self.place)
                self.tail = self.tail[-4096:] + (new := file.read(LINE))
                self.place += len(new)
        if self.place > FLOOD:
            raise NoFigureError("failed", "its console never ends")
        self.ready = self.ready or READY in self.tail
        self.all_up = self.all_up or UP.search(COLOUR.sub(b"", self.tail)) is not None


class Door:
    """A forwarded port. The NAT accepts before the guest does, so only an answer counts.

    One try at a time: each makes the guest's sshd start a process.
    """

    def __init__(self) -> None:
        self.port, self.since = 0, 0.0
        self.sock: socket.socket | None = None

    def is_answered(self, now: float) -> bool:
        """Whether sshd has said its first word (RFC 4253, 4.2); waits a moment for it."""
        if self.sock is None:
            self.sock, self.since = socket.socket(), now
            self.sock.setblocking(False)
            self.sock.connect_ex(("127.0.0.1", self.port))
        word = None
        if select.select((self.sock,), (), (), pause(now))[0]:
            try:
                word = self.sock.recv(64)
            except OSError:
                word = b""
        if word is not None or now - self.since > PATIENCE:
            self.sock.close()
            self.sock = None
        return word is not None and word.startswith(b"SSH-2.0")


def ask_monitor(path: Path) -> tuple[int, str] | None:
    """The forwarded port and QEMU's version, over QMP; None while it does not say."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(2)
        try:
            sock.connect(str(path))
            with sock.makefile("rwb") as stream:
                version = json.loads(stream.readline(LINE))["QMP"]["version"]["qemu"]
                for command in QMP:
                    stream.write(command)
                    stream.flush()
                    said = stream.readline(LINE)
                found = FORWARD.search(json.loads(said)["return"])
        except (OSError, ValueError, LookupError):  # not there yet, or an event came between
            return None
    number = ".".join(str(version[part]) for part in ("major", "minor", "micro"))
    return (int(found[1]), number) if found else None


def nobody_reads() -> bool:
    """Whether who started this has gone: the other end of its pipe is closed (poll(2))."""
    stdout = select.poll()
    stdout.register(1, 0)
    return bool(stdout.poll(0))


def last_line(path: Path) -> str:
    """The last words of a file in ASCII; empty: it has none."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - 4096))
            lines = COLOUR.sub(b"", file.read(4096)).split(b"\n")
    except OSError:
        return ""
    texts = [line.strip().decode("utf-8", "replace")[:160] for line in lines]
    return next((ascii(text) for text in reversed(texts) if text), "")


class Watch:
    """A QEMU that has been started, and what was seen of its guest so far."""

    def __init__(self, order: argparse.Namespace, qemu: Popen[bytes]) -> None:
        self.order, self.qemu = order, qemu
        self.console, self.door = Console(order.console), Door()
        self.seen: dict[str, object] = {}

    def until_up(self, began: float) -> dict[str, object]:
        """Look until both are there; seconds since `began`, by the monotonic clock."""
        while not {"ssh_seconds", "multi_user_seconds"} <= self.seen.keys():
            now = time.monotonic() - began
            self.give_up(now)
            self.console.look()
            if "multi_user_seconds" not in self.seen and self.console.all_up:
                self.seen["multi_user_seconds"] = time.monotonic() - began
            if "qemu" not in self.seen and (told := ask_monitor(self.order.monitor)):
                self.door.port, self.seen["qemu"] = told
            if "qemu" not in self.seen or "ssh_seconds" in self.seen or not self.console.ready:
                time.sleep(pause(now))
            elif self.door.is_answered(now):
                self.seen["ssh_seconds"] = time.monotonic() - began
        return self.seen

    def give_up(self, now: float) -> None:
        """When nothing will come, or nobody wants to know."""
        if nobody_reads():
            sys.exit(1)
        if self.qemu.poll() is not None:
            said = last_line(self.order.words) or last_line(self.order.console)
            raise NoFigureError("failed", f"QEMU ended with {self.qemu.returncode}; last: {said}")
        if now > self.order.timeout:
            lacking = "multi-user.target" if "ssh_seconds" in self.seen else "SSH"
            said = f"{self.order.timeout} s; last: {last_line(self.order.console)}"
            raise NoFigureError("failed", f"no {lacking} after {said}")


def end_with_us() -> None:
    """In a child before its exec: the kernel kills it when we go, whatever ends us."""
    LIBC.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def start(argv: list[str], log: BinaryIO) -> Popen[bytes]:
    """A program that speaks into the log and does not outlive us, who have no threads."""
    return Popen(argv, stdin=DEVNULL, stdout=log, stderr=log, preexec_fn=end_with_us)  # noqa: PLW1509


def measure(order: argparse.Namespace) -> dict[str, object]:
    """Make the disk, start QEMU, watch it, end it."""
    (order.folder / order.seed.name).symlink_to(order.seed)
    with order.words.open("wb") as log:
        if start(order.overlay, log).wait() != 0:
            raise NoFigureError("failed", f"its disk was not made: {last_line(order.words)}")
        began = time.monotonic()
        qemu = start(order.qemu, log)
        try:
            return Watch(order, qemu).until_up(began)
        finally:
            qemu.kill()
            qemu.wait()


def check_memory(needed: int) -> None:
    """Refuse to take what the machine needs for itself and its own guests (proc(5), meminfo)."""
    found = re.search(r"^MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE)
    have, want = int(found[1]) >> 10 if found else 0, (needed + SPARE) >> 20
    if have < want:
        reason = f"{have} MiB of memory are available where it is started, {want} MiB are needed"
        raise NoFigureError("unavailable", reason)


def report(order: argparse.Namespace) -> dict[str, object]:
    """What is printed, with nothing left behind."""
    folders = list(dict.fromkeys((order.folder, order.sockets)))
    try:
        check_memory(order.memory)
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)  # left by one that was killed
            folder.mkdir(0o700)
        return measure(order)
    except NoFigureError as problem:
        return dict((problem.args,))
    except OSError as problem:
        return {"failed": str(problem)}
    finally:
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)


def asked(words: list[str]) -> argparse.Namespace:
    """The options, and the two command lines behind them."""
    first = words.index("--")
    second = words.index("--", first + 1)
    options = argparse.ArgumentParser()
    paths = dict.fromkeys(("folder", "sockets", "seed", "console", "monitor"), Path)
    for name, kind in {**paths, "memory": int, "timeout": int}.items():
        options.add_argument(f"--{name}", required=True, type=kind)
    order = options.parse_args(words[:first])
    order.overlay, order.qemu = words[first + 1 : second], words[second + 1 :]
    order.words = order.folder / "qemu.words"
    return order


if __name__ == "__main__":
    for each in SIGNALS:
        signal.signal(each, lambda number, _frame: sys.exit(128 + number))
    sys.stdout.write(json.dumps({"nestlab-boot": 1, **report(asked(sys.argv[1:]))}) + "\n")
