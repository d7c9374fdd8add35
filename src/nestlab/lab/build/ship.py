"""An image on a lab's host that is not this machine: sent once, checked, then found there."""

import asyncio
import contextlib
import hashlib
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from nestlab.deadline import Deadline
from nestlab.errors import HostError
from nestlab.hypervisor.plan import BaseImage, base_image
from nestlab.image.store import Image
from nestlab.machine.failures import last_lines
from nestlab.machine.protocol import Machine
from nestlab.machine.shell import check
from nestlab.units import format_size

_SECONDS = 3600.0

# XDG Base Directory Specification, as in home.py. Says where the image is or shall be, and whether
# it is there: it has its name only when it is whole.
_FIND = """
umask 077
images=${XDG_CACHE_HOME:-$HOME/.cache}/nestlab/images
mkdir -p -- "$images" && echo "$images" && [ -f "$images/$1/image.json" ] && echo there
exit 0
"""
_UNPACK = """
set -e
umask 077
sum=$(sha256sum -- "$2" | cut -d' ' -f1)
[ "$sum" = "$3" ] || { echo "the checksum does not match" >&2; exit 1; }
staging=$(mktemp -d "$1/.staging-XXXXXX")
trap 'rm -rf -- "$staging" "$2"' EXIT
tar -xzSf "$2" -C "$staging"
mv -T -- "$staging" "$1/$4"
"""


async def ship(image: Image, machine: Machine, report: Callable[[str], None]) -> BaseImage:
    """The image as that machine sees it; it is sent there when it is not there yet.

    Raises HostError `image.not-packed`; MachineError `host.no-cache`, `host.image-not-unpacked`,
    `machine.*`.
    """
    slug, deadline = image.folder.name, Deadline.after(_SECONDS)
    argv = ("sh", "-c", _FIND, "sh", slug)
    found = await check(machine, argv, deadline=deadline, code="host.no-cache")
    images, *there = found.text.splitlines()
    if not there:
        report("packing the image")
        with _packed(image.folder) as file:
            await asyncio.to_thread(_pack, image.folder, file)
            digest = await asyncio.to_thread(_sha256, file)
            report(f"sending the image, {format_size(file.stat().st_size)}")
            remote = f"{images}/.sent-{digest[:16]}"
            await machine.put(file, remote)
            report("unpacking the image")
            words = ("sh", "-c", _UNPACK, "sh", images, remote, digest, slug)
            await check(machine, words, deadline=deadline, code="host.image-not-unpacked")
    own, folder = base_image(image), f"{images}/{slug}"
    return replace(
        own,
        disk=f"{folder}/{Path(own.disk).name}",
        kernel=own.kernel and f"{folder}/{Path(own.kernel).name}",
        initrd=own.initrd and f"{folder}/{Path(own.initrd).name}",
    )


@contextlib.contextmanager
def _packed(folder: Path) -> Iterator[Path]:
    """A file beside the image, since a temporary folder may be small; gone afterwards."""
    with tempfile.TemporaryDirectory(prefix=".staging-", dir=folder.parent) as place:
        yield Path(place) / "image.tar.gz"


def _pack(folder: Path, file: Path) -> None:
    argv = ("tar", "-C", str(folder), "--sparse", "-I", "gzip -1", "-cf", str(file), ".")
    done = subprocess.run(argv, check=False, capture_output=True)
    if done.returncode:
        raise HostError(
            "image.not-packed",
            f"the image {folder.name} could not be packed",
            where="l0, while sending an image",
            hint="free some space there: half of what the image takes is enough",
            notes=last_lines(done.stderr),
        )


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
