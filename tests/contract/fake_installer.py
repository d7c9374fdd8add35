#!/usr/bin/env python3
"""Plays a QEMU in which an installer runs: the console of a play, and its end.

It is called like QEMU. The file `play.json` beside it says what happens: lines of the console, each
a text or the seconds to wait, then how it ends: `status`, or `forever`.
"""

import json
import os
import re
import sys
import time
from pathlib import Path


def option(name: str, pattern: str) -> str:
    """A part of an option's value."""
    for word, value in zip(sys.argv, sys.argv[1:], strict=False):
        if word == name and (match := re.search(pattern, value)):
            return match[1]
    raise SystemExit(f"fake: there is no {name} with {pattern}")


def main() -> None:
    here = Path(__file__).resolve().parent
    play = json.loads((here / "play.json").read_text())
    initrd = Path(option("-initrd", "(.*)")).read_bytes()
    (here / "called.json").write_text(json.dumps({"argv": sys.argv[1:], "pid": os.getpid()}))
    (here / "initrd").write_bytes(initrd)
    disk = Path(option("-drive", "id=root,file=([^,]*)"))
    disk.stat()
    with Path(option("-chardev", "id=console,path=(.*)")).open("wb", buffering=0) as console:
        for part in play["console"]:
            if isinstance(part, str):
                console.write(part.encode())
            else:
                time.sleep(part)
        if fill := play.get("fill"):
            disk.with_name("filler").write_bytes(bytes(fill))
        if play.get("stderr"):
            sys.stderr.write(play["stderr"])
            sys.stderr.flush()
        while play.get("forever"):
            time.sleep(1)
    raise SystemExit(play.get("status", 0))


if __name__ == "__main__":
    main()
