"""Starts passt in the background: a program of its own, sent to `python3 -` on the parent.

    python3 -I - guest=IDENTITY FOLDER SOCKET OPTIONS…

passt is the NAT of a guest whose QEMU has no user-mode network. It cannot let the kernel choose the
forwarded port, so a free one is looked for here, and another one when somebody was faster. It has
no option for a name either: so its log, in FOLDER, is the file that is called `guest=IDENTITY`.
Prints the port once somebody listens at SOCKET. Needs Python 3.6 and nothing else.
"""

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time

ATTEMPTS = 5
PAUSE = 0.02
WORDS = 4096
LISTENING = "00010000"  # __SO_ACCEPTCON


def free_port() -> int:
    """A port of the loopback that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_open(path: str) -> bool:
    """Whether somebody listens there: QEMU gives up on a socket that is only bound.

    Not by connecting, since passt serves one connection (proc(5), /proc/net/unix).
    """
    with open("/proc/net/unix", encoding="utf-8", errors="surrogateescape") as table:
        lines = [line.split(None, 7) for line in table]
    return any(line[3] == LISTENING and line[-1].strip() == path for line in lines)


def start(path: str, options: "list[str]", port: int) -> "tuple[bool, bytes]":
    """Whether passt listens now, and what it said; when it does not, it has ended."""
    argv = ["passt", "--foreground", "--one-off", "--socket", path, *options]
    if os.getuid() == 0:  # it would become nobody, whom our private folder is closed to
        argv += ["--runas", "0:0"]
    argv += ["-t", "127.0.0.1/%d:22" % port]
    with tempfile.TemporaryFile() as words:
        child = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=words, stderr=words, start_new_session=True
        )
        while child.poll() is None:
            if is_open(path):
                return True, b""
            time.sleep(PAUSE)
        words.seek(0)
        return False, words.read()


def main() -> None:
    """See above; what passt said last goes to stderr."""
    identity, folder, path = sys.argv[1:4]
    os.umask(0o077)
    os.chdir(folder)
    said = b""
    for _ in range(ATTEMPTS):
        port = free_port()
        listens, said = start(path, ["--log-file", identity, *sys.argv[4:]], port)
        if listens:
            sys.stdout.write("%d\n" % port)
            return
    with contextlib.suppress(FileNotFoundError), open(identity, "rb") as log:
        said = log.read() + said
    sys.exit(said[-WORDS:].decode("utf-8", "backslashreplace").rstrip())


if __name__ == "__main__":
    main()
