"""Build a Debian image with mmdebstrap and mkfs.ext4, as root or without."""

import asyncio
import contextlib
import errno
import os
import re
import shlex
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from nestlab.deadline import Deadline
from nestlab.errors import HostError, MachineError, NestlabError
from nestlab.image.mirror import Source, host_sources
from nestlab.image.recipe import Recipe
from nestlab.image.store import Image, ImageStore, Manifest, sha256_of
from nestlab.machine.protocol import Completed, Machine
from nestlab.units import GIB, format_size

SPACE = 5 * GIB
"""Bytes that a build needs for a while: the packed tree, the tree, the disk."""

_ATTEMPTS, _PAUSE = 3, 15.0
_SYNCING = re.compile(r"Hash Sum mismatch|unexpected size|Mirror sync in progress")
_UNREACHABLE = re.compile(
    r"Temporary failure|Could not (?:resolve|connect)|Connection (?:timed|ref)|[Uu]nreachable"
)
_FULL = "No space left on device"

# One script, so that fakeroot keeps the owners of what was unpacked until mkfs has read them.
_MAKE_DISK = """
set -e
mkdir tree
tar --numeric-owner -xf tree.tar -C tree
rm tree.tar
truncate -s "$1" disk.img
mkfs.ext4 -q -F -L root -N 262144 -E "$2" -d tree disk.img
"""
# Nothing is left for the guest's first minutes to initialise, and zeros stay holes.
_EXTENDED = "lazy_itable_init=0,lazy_journal_init=0,nodiscard"

Report = Callable[[str], None]


async def ensure_image(
    store: ImageStore,
    recipe: Recipe,
    machine: Machine,
    *,
    report: Report,
    deadline: Deadline,
    space: int = SPACE,
    pause: float = _PAUSE,
) -> Image:
    """The image of a recipe: from the store, else built on `machine` (L0) once.

    space  bytes that must be free before anything is started
    pause  seconds before the second attempt at a mirror that is being updated; they grow

    Raises HostError `image.no-mmdebstrap`, `image.disk-full`, `image.mirror-syncing`,
    `image.mirror-unreachable`, `image.no-user-namespaces`; MachineError `image.build-failed`;
    StoredDataError `image.damaged`.
    """
    if image := store.find(recipe.slug):
        return image
    with _noticing_a_full_disk(store.folder):
        async with store.building(lambda: report("waiting: another nestlab builds it")) as staging:
            if image := store.find(recipe.slug):
                return image
            _need_space(staging, space)
            report("unpacking Debian packages")
            await _debootstrap(recipe, machine, staging, report, deadline, pause)
            report("making the disk")
            await _make_disk(recipe, machine, staging, deadline)
            report("computing checksums")
            return await asyncio.to_thread(_publish, store, recipe, staging)


@contextlib.contextmanager
def _noticing_a_full_disk(folder: Path) -> Iterator[None]:
    """Our own writes meet it as well as mmdebstrap's."""
    try:
        yield
    except OSError as problem:
        if problem.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        raise _disk_full(folder, "the disk filled up while the image was built") from problem


def _need_space(staging: Path, needed: int) -> None:
    free = shutil.disk_usage(staging).free
    if free < needed:
        message = f"building needs {format_size(needed)}, free: {format_size(free)}"
        raise _disk_full(staging.parent, message)


async def _debootstrap(
    recipe: Recipe,
    machine: Machine,
    staging: Path,
    report: Report,
    deadline: Deadline,
    pause: float,
) -> None:
    (staging / "files.tar").write_bytes(recipe.files_tar())
    sources = await host_sources(machine, recipe.suite, deadline=deadline)
    argv = mmdebstrap_argv(recipe, sources, folder=staging, root=os.geteuid() == 0)
    for attempt in range(1, _ATTEMPTS + 1):
        done = await _run(machine, argv, staging, deadline)
        if done.ok:
            return
        failure = _explain(done, sources, staging)
        if failure.code != "image.mirror-syncing" or attempt == _ATTEMPTS:
            raise failure
        report(f"the mirror is being updated, attempt {attempt + 1} of {_ATTEMPTS} follows")
        (staging / "tree.tar").unlink(missing_ok=True)
        await asyncio.sleep(min(pause * attempt, deadline.remaining))


def mmdebstrap_argv(
    recipe: Recipe, sources: tuple[Source, ...], *, folder: Path, root: bool
) -> tuple[str, ...]:
    """The command that packs the tree into `tree.tar` (pure)."""
    chroot = "/usr/lib/nestlab/customize"
    # As root in a namespace of its own: when it is killed, no mount and no process stays.
    namespace = ("unshare", "--mount", "--pid", "--fork", "--kill-child") if root else ()
    return (
        *namespace,
        *("env", "-C", str(folder), "INITRD=No", "DEBIAN_FRONTEND=noninteractive"),
        *((f"TMPDIR={folder}",) if root else ()),
        *("mmdebstrap", f"--mode={'root' if root else 'unshare'}", "--variant=minbase"),
        f"--architectures={recipe.architecture}",
        f"--include={','.join(recipe.packages)}",
        "--aptopt=APT::Install-Recommends false",
        "--aptopt=Acquire::Retries 3",
        *(f"--dpkgopt=path-exclude=/usr/share/{unread}/*" for unread in ("doc", "locale", "info")),
        "--customize-hook=tar-in files.tar /",
        f'--customize-hook=chroot "$1" sh {shlex.quote(chroot)}',
        *(recipe.suite, "tree.tar"),
        *(source.line for source in sources),
    )


async def _make_disk(recipe: Recipe, machine: Machine, staging: Path, deadline: Deadline) -> None:
    fakeroot = () if os.geteuid() == 0 else ("fakeroot", "--")
    script = ("sh", "-c", _MAKE_DISK, "sh", str(recipe.size), _EXTENDED)
    argv = (*fakeroot, "env", "-C", str(staging), *script)
    done = await _run(machine, argv, staging, deadline)
    if not done.ok:
        raise _explain(done, (), staging)


async def _run(
    machine: Machine, argv: tuple[str, ...], staging: Path, deadline: Deadline
) -> Completed:
    try:
        done = await machine.run(argv, deadline=deadline)
    except MachineError as problem:
        if problem.code == "machine.no-such-program":
            raise _missing(argv[0]) from problem
        raise
    missing = re.search(r"(?:env|unshare|sh|exec)[^\n]*?(mmdebstrap|mkfs\.ext4|fakeroot)[^\n]*"
                        r"(?:No such file|not found)", done.error_text)  # fmt: skip
    if not done.ok and missing:
        raise _missing(missing[1])
    (staging / "build.log").write_bytes(done.stderr)
    return done


def _publish(store: ImageStore, recipe: Recipe, staging: Path) -> Image:
    whole = staging / "whole"
    whole.mkdir()
    (kernel,) = sorted((staging / "tree" / "boot").glob("vmlinuz-*"))[-1:]
    shutil.copyfile(kernel, whole / "vmlinuz")
    (staging / "disk.img").rename(whole / "disk.img")
    (whole / "disk.img").chmod(0o444)
    manifest = Manifest(
        name=recipe.name,
        recipe=recipe.digest,
        architecture=recipe.architecture,
        kernel=kernel.name.removeprefix("vmlinuz-"),
        packages=installed(staging / "tree" / "var/lib/dpkg/status"),
        disk_size=recipe.size,
        disk_sha256=sha256_of(whole / "disk.img"),
        kernel_sha256=sha256_of(whole / "vmlinuz"),
    )
    return store.publish(whole, recipe.slug, manifest)


def installed(status: Path) -> dict[str, str]:
    """Package -> version, from dpkg's status file (deb-control(5))."""
    text = status.read_text("utf-8", "backslashreplace")
    return dict(re.findall(r"^Package: (\S+)\n(?:.+\n)*?Version: (\S+)$", text, re.MULTILINE))


def _explain(done: Completed, sources: tuple[Source, ...], staging: Path) -> NestlabError:
    text = done.error_text
    mirrors = ", ".join(sorted({source.uri for source in sources})) or "Debian's default mirror"
    tail = tuple(line for line in text.splitlines() if line.startswith(("E: ", "Err:", "W: ")))[-6:]
    if _FULL in text:
        return _disk_full(staging.parent, "the disk filled up while the image was built")
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


def _disk_full(folder: Path, message: str) -> HostError:
    return HostError(
        "image.disk-full",
        message,
        where=f"l0, while building the image in {folder}",
        hint="free some space, or set NESTLAB_HOME to a folder on a larger disk",
    )


def _missing(program: str) -> HostError:
    package = {"mkfs.ext4": "e2fsprogs"}.get(program, program)
    return HostError(
        f"image.no-{program.replace('.', '-')}",
        f"{program} is not installed",
        where="l0, while building the image",
        hint=f"install it: `sudo apt-get install {package}` (Debian, Ubuntu),"
        f" `sudo dnf install {package}` (Fedora)",
    )
