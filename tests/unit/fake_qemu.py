"""Plays a QEMU whose guest boots at once, for the program of the workload `boot`.

    fake_qemu.py MONITOR CONSOLE [deaf|panic|silent]

It speaks QMP at MONITOR, forwards a port that says nothing at first, and writes CONSOLE.
"""

import json
import socket
import sys
import threading
import time
from pathlib import Path

GREETING = {"QMP": {"version": {"qemu": {"major": 7, "minor": 2, "micro": 22}}, "capabilities": []}}
USERNET = """Hub -1 (net):
  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ
  TCP[HOST_FORWARD]  12       127.0.0.1 {port}      10.96.0.15    22     0     0
"""


def monitor(path: str, port: int) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        while True:
            with server.accept()[0] as sock, sock.makefile("rwb") as stream:
                stream.write(json.dumps(GREETING).encode() + b"\r\n")
                stream.flush()
                for line in stream:
                    usernet = "info usernet" in line.decode()
                    told = {"return": USERNET.format(port=port).replace("\n", "\r\n")}
                    stream.write(json.dumps(told if usernet else {"return": {}}).encode() + b"\r\n")
                    stream.flush()


def main() -> None:
    path, console, how = (*sys.argv[1:], "")[:3]
    door = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=monitor, args=(path, door.getsockname()[1]), daemon=True).start()
    with Path(console).open("wb", buffering=0) as log:
        log.write(b"nestlab: kernel is up\r\n")
        if how == "panic":
            log.write(b"\x1b[31mKernel panic - not syncing\x1b[0m: \xff\xfe\r\n\r\n")
            sys.exit(3)
        log.write(b"nestlab: ready\r\n")
        closed, _ = door.accept()  # a NAT accepts although nobody is there
        closed.close()
        if how != "deaf":
            answered, _ = door.accept()
            answered.send(b"SSH-2.0-OpenSSH_9.2p1\r\n")
            answered.recv(1)  # until it has been seen
        if how != "silent":
            log.write(b"[\x1b[0;32m  OK  \x1b[0m] Reached target \x1b[0;1;39mmulti-")
            time.sleep(0.05)
            log.write(b"user.target\x1b[0m - Multi-User System.\r\n")
        time.sleep(3600)


if __name__ == "__main__":
    main()
