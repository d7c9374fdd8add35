"""A machine on which mmdebstrap and mkfs.ext4 are played."""

import os
from collections.abc import Callable
from pathlib import Path

from nestlab.image.recipe import Recipe
from nestlab.machine.fake import FakeMachine, answer
from nestlab.machine.protocol import Completed

SMALL = Recipe(
    name="small",
    suite="bookworm",
    architecture="amd64",
    packages=("fio", "sysbench"),
    size=1 << 20,
    files=(("etc/motd", "hello\n"),),
)
STATUS = """\
Package: fio
Status: install ok installed
Maintainer: Somebody <nobody@example.com>
Version: 3.33-3
Description: a tool

Package: sysbench
Version: 1.0.20+ds-5
"""

Played = Callable[[Path], Completed]


def unpacks(staging: Path) -> Completed:
    """What mmdebstrap leaves behind when all is well."""
    assert (staging / "files.tar").stat().st_size > 0
    (staging / "tree.tar").write_bytes(b"tree")
    return answer()


def makes_a_disk(staging: Path) -> Completed:
    """What the script that makes the disk leaves behind."""
    boot, dpkg = staging / "tree/boot", staging / "tree/var/lib/dpkg"
    boot.mkdir(parents=True)
    dpkg.mkdir(parents=True)
    (boot / "vmlinuz-6.1.0-1-cloud-amd64").write_bytes(b"an older kernel")
    (boot / "vmlinuz-6.1.0-2-cloud-amd64").write_bytes(b"a kernel")
    (boot / "nestlab-initrd").write_bytes(b"its drivers")
    (dpkg / "status").write_text(STATUS)
    with (staging / "disk.img").open("wb") as disk:
        disk.truncate(SMALL.size)
        disk.write(b"root file system")
    return answer()


def says(text: str, status: int = 1) -> Played:
    """A program that fails with these words."""
    return lambda _staging: answer(status=status, stderr=text)


def builder(*unpacking: Played, disk: Played = makes_a_disk) -> FakeMachine:
    """Each attempt of mmdebstrap plays the next of `unpacking`, the last one again and again."""
    attempts = list(unpacking or (unpacks,))

    def play(argv: tuple[str, ...], _stdin: bytes) -> Completed:
        folder = Path(argv[argv.index("-C") + 1])
        if "mmdebstrap" in argv:
            return (attempts.pop(0) if len(attempts) > 1 else attempts[0])(folder)
        return disk(folder)

    return FakeMachine(programs=dict.fromkeys(("sh", "env", "fakeroot"), play))


def attempts_of(machine: FakeMachine) -> int:
    """How often mmdebstrap was started."""
    return sum("mmdebstrap" in argv for argv in machine.ran)


AS_ROOT = os.geteuid() == 0
