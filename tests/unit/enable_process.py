"""Run as a program: enable or disable in a played world, and die in the middle.

`python enable_process.py enable FOLDER N` is killed when the N-th step is told (from 0; a large N
lets it end; `rmmod` may kill it too). `python enable_process.py full|read-only FOLDER` mounts a
small file system over the folder with modprobe's files, so it needs a mount namespace of its own,
and prints the code of the error and what is left there.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from enable_players import World
from nestlab.errors import NestlabError
from nestlab.events import Event

TOLD: list[Event] = []


def die_at(number: int, event: Event) -> None:
    """Count what is told, and be killed."""
    if len(TOLD) == number:
        os.kill(os.getpid(), signal.SIGKILL)
    TOLD.append(event)


def on_a_disk(world: World, kind: str) -> None:
    """Enable where modprobe's files are on a disk that is full or cannot be written."""
    folder = world.options.parent
    mount = ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(folder)]
    subprocess.run(mount, check=True)
    (folder / "kvm.conf").write_text("# distribution\n")
    if kind == "full":
        with (folder / "filler").open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(512))
            except OSError:
                pass
    else:
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
    code, notes = None, ""
    try:
        asyncio.run(world.enable())
    except NestlabError as problem:
        code, notes = problem.code, " ".join(problem.notes)
    left = sorted(path.name for path in folder.iterdir() if path.name != "filler")
    sys.stdout.write(json.dumps({"code": code, "notes": notes, "left": left}))


def main(verb: str, folder: str, number: str = "99") -> None:
    """See above."""
    world = World(Path(folder))
    os.environ.update(world.environment, CONTROLLER=str(os.getpid()))
    if verb in {"full", "read-only"}:
        on_a_disk(world, verb)
        return
    run = world.enable if verb == "enable" else world.disable
    asyncio.run(run(lambda event: die_at(int(number), event)))


if __name__ == "__main__":
    main(*sys.argv[1:])
