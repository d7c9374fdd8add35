"""Run in a mount namespace of its own: what nestlab says when a real disk is full or read-only.

`python full_disk.py FOLDER` mounts small file systems below FOLDER and prints, for each scenario,
the code, the message and what is left in the image folder.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from debootstrap_players import SMALL, builder, makes_a_disk, unpacks
from nestlab.deadline import Deadline
from nestlab.errors import NestlabError
from nestlab.home import make_folder
from nestlab.image.build import SPACE, ensure_image
from nestlab.image.store import ImageStore
from nestlab.lab.record.folder import remove_lab
from nestlab.lab.record.state import LabState
from nestlab.machine.fake import FakeMachine, answer
from nestlab.machine.protocol import Completed

CHUNK = bytes(range(256)) * 256


def fill(folder: Path) -> str:
    """Write until the disk is full; the words that a program would have for it."""
    try:
        with (folder / "filler").open("wb", buffering=0) as file:
            while True:
                file.write(CHUNK)
    except OSError as problem:
        return f"cannot write: {problem.strerror}"


def fills_and_fails(staging: Path) -> Completed:
    """A program that meets the full disk itself and says so."""
    (staging / "tree.tar").write_bytes(b"half")
    return answer(status=1, stderr=f"E: {fill(staging)}\n")


def fills_and_succeeds(staging: Path) -> Completed:
    """A program that leaves no room for what nestlab writes next."""
    done = makes_a_disk(staging)
    fill(staging)
    return done


def build(machine: FakeMachine, folder: Path, space: int) -> None:
    """Build the small image."""
    asyncio.run(
        ensure_image(
            ImageStore(make_folder(folder)),
            SMALL,
            machine,
            report=lambda _: None,
            deadline=Deadline.after(20),
            space=space,
        )
    )


def needs_space(base: Path) -> None:
    """Two MiB are not five GiB."""
    build(builder(), base / "images", SPACE)


def fills_while_unpacking(base: Path) -> None:
    """The disk fills up under mmdebstrap."""
    build(builder(fills_and_fails), base / "images", 0)


def fills_while_making_the_disk(base: Path) -> None:
    """The disk is full when the kernel and the manifest are to be written."""
    build(builder(unpacks, disk=fills_and_succeeds), base / "images", 0)


def is_full_already(base: Path) -> None:
    """Not even the lock file can be written."""
    make_folder(base / "images")
    fill(base)
    for number in range(100_000):  # tmpfs counts inodes too
        try:
            (base / f"inode-{number}").touch()
        except OSError:
            break
    build(builder(), base / "images", 0)


def is_read_only(base: Path) -> None:
    """The cache is on a disk that cannot be written."""
    make_folder(base / "images")
    subprocess.run(["mount", "-o", "remount,ro", str(base)], check=True)
    build(builder(), base / "images", 0)


def holds_a_mount(base: Path) -> None:
    """A lab's folder that cannot be removed."""
    folder = base / "lab"
    (folder / "mounted").mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(folder / "mounted")], check=True)
    remove_lab(folder, LabState(id="x", place="/tmp/p", sockets=str(base / "none")))


SCENARIOS: tuple[Callable[[Path], None], ...] = (
    *(needs_space, fills_while_unpacking, fills_while_making_the_disk),
    *(is_full_already, is_read_only, holds_a_mount),
)


def play(scenario: Callable[[Path], None], base: Path) -> dict[str, object]:
    """One scenario on a disk of its own."""
    base.mkdir()
    options = "size=2m,nr_inodes=200,mode=0700"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(base)], check=True)
    told: dict[str, object]
    try:
        scenario(base)
        told = {"code": None}
    except NestlabError as problem:
        told = {"code": problem.code, "message": problem.message, "hint": problem.hint}
    except OSError as problem:
        told = {"code": f"bug: {problem!r}"}
    images = base / "images"
    left = sorted(path.name for path in images.iterdir()) if images.is_dir() else []
    return {**told, "left": left}


if __name__ == "__main__":
    root = Path(sys.argv[1])
    told = {each.__name__: play(each, root / each.__name__) for each in SCENARIOS}
    sys.stdout.write(json.dumps(told))
