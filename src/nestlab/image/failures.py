"""What the words of mmdebstrap, tar and mkfs.ext4 mean, and what to do about it (pure)."""

import re
from pathlib import Path

from nestlab.errors import HostError, MachineError, NestlabError
from nestlab.image.mirror import Source
from nestlab.machine.protocol import Completed

_SYNCING = re.compile(r"Hash Sum mismatch|unexpected size|Mirror sync in progress")
_UNREACHABLE = re.compile(
    r"Temporary failure|Could not (?:resolve|connect)|Connection (?:timed|ref)|[Uu]nreachable"
)
_FOREIGN = re.compile(r"can neither be executed natively|install arch-test|Exec format error")
_FULL = "No space left on device"


def explain(done: Completed, sources: tuple[Source, ...], staging: Path) -> NestlabError:
    """The error for a step of the build that failed, from what it wrote on stderr."""
    text = done.error_text
    mirrors = ", ".join(sorted({source.uri for source in sources})) or "Debian's default mirror"
    tail = tuple(line for line in text.splitlines() if line.startswith(("E: ", "Err:", "W: ")))[-6:]
    if _FULL in text:
        return disk_full(staging.parent, "the disk filled up while building the image")
    if _SYNCING.search(text):
        return HostError(
            "image.mirror-syncing",
            f"the package mirror is being updated: sizes or checksums do not match ({mirrors})",
            where="l0, while building the image",
            hint="wait some minutes and run it again, or choose another mirror in apt's sources",
            notes=tail,
        )
    if _UNREACHABLE.search(text):
        return HostError(
            "image.mirror-unreachable",
            f"the package mirror cannot be reached ({mirrors})",
            where="l0, while building the image",
            hint="`sudo apt-get update` must work on this host; set apt's proxy if there is one",
            notes=tail,
        )
    if _FOREIGN.search(text):
        return HostError(
            "image.foreign-architecture",
            "programs of that architecture cannot run here, and the build runs some of them",
            where="l0, while building the image",
            hint="install emulation for programs: `sudo apt-get install qemu-user-static"
            " arch-test`; or build it on a machine of that architecture",
            notes=tail,
        )
    if "newuidmap" in text or ("unshare" in text and "permitted" in text):
        return HostError(
            "image.no-user-namespaces",
            "building without root needs user namespaces and /etc/subuid",
            where="l0, while building the image",
            hint="run it as root, or install uidmap and have lines in /etc/subuid and /etc/subgid",
            notes=tail,
        )
    return MachineError(
        "image.build-failed",
        f"building the image ended with status {done.status}",
        where="l0, while building the image",
        hint="the notes are mmdebstrap's own words",
        notes=tail or tuple(text.splitlines()[-6:]),
    )


def disk_full(folder: Path, message: str, *, doing: str = "building") -> HostError:
    """`image.disk-full`: seen beforehand, by a program or by ourselves."""
    return HostError(
        "image.disk-full",
        message,
        where=f"l0, while {doing} the image in {folder}",
        hint="free some space, or set NESTLAB_HOME to a folder on a larger disk",
    )


def missing_program(program: str, *, doing: str = "building") -> HostError:
    """`image.no-…`, with the package that has the program."""
    package = {"mkfs.ext4": "e2fsprogs", "qemu-img": "qemu-utils"}.get(program, program)
    return HostError(
        f"image.no-{program.replace('.', '-')}",
        f"{program} is not installed",
        where=f"l0, while {doing} the image",
        hint=f"install it: `sudo apt-get install {package}` (Debian, Ubuntu),"
        f" `sudo dnf install {package}` (Fedora)",
    )
