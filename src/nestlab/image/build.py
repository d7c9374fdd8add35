"""Build a Debian image with mmdebstrap and mkfs.ext4, as root or without."""

import asyncio
import contextlib
import os
import re
import shlex
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from nestlab.deadline import Deadline
from nestlab.errors import HostError, MachineError, NestlabError
from nestlab.home import make_folder
from nestlab.image.digest import sha256_of
from nestlab.image.failures import explain, missing_program
from nestlab.image.manifest import KERNEL_NAMES, Manifest
from nestlab.image.mirror import Source, host_sources
from nestlab.image.recipe import Recipe
from nestlab.image.space import need_space, noticing_a_full_disk
from nestlab.image.store import Image, ImageStore
from nestlab.machine.failures import shown
from nestlab.machine.protocol import Completed, Machine
from nestlab.units import GIB

SPACE = 5 * GIB
"""Bytes that a build needs for a while: the packed tree, the tree, the disk."""

_ATTEMPTS, _PAUSE = 3, 15.0
_LOG = "build.log"

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

# As root in namespaces of its own: when it is killed, no mount and no process stays. In a chroot
# that is no mount point the propagation of mounts cannot be changed (mount_namespaces(7)).
_OWN_NAMESPACE = """
unshare --mount true 2>/dev/null || set -- --propagation=unchanged "$@"
exec setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child "$@"
"""

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
    StoredDataError `image.damaged`; CleanupError `image.not-removed`. An error's `log` has what the
    programs of the build said.
    """
    if image := store.find(recipe.slug):
        return image
    with noticing_a_full_disk(store.folder, "building"):
        async with store.building(lambda: report("waiting: another nestlab builds it")) as staging:
            if image := store.find(recipe.slug):
                return image
            need_space(store.folder, space, "building")
            with _keeping_the_log(staging, store.logs / f"build-{recipe.slug}.log"):
                report("unpacking Debian packages")
                await _debootstrap(recipe, machine, staging, report, deadline, pause)
                report("making the disk")
                await _make_disk(recipe, machine, staging, deadline)
            report("computing checksums")
            return await asyncio.to_thread(_publish, store, recipe, staging)


@contextlib.contextmanager
def _keeping_the_log(staging: Path, kept: Path) -> Iterator[None]:
    """When the build fails, what its programs said outlives the staging folder."""
    try:
        yield
    except NestlabError as problem:
        if _moved(staging / _LOG, kept):
            problem.log = str(kept)
        raise


def _moved(log: Path, kept: Path) -> bool:
    """Whether there was a log and could be kept; that it could not is no news beside the error."""
    try:
        if not log.exists():
            return False
        shutil.move(log, make_folder(kept.parent) / kept.name)
    except (OSError, HostError):
        return False
    return True


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
    syncing: NestlabError | None = None
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            done = await _run(machine, argv, staging, deadline)
        except MachineError as problem:
            if syncing is None or problem.code != "machine.deadline":
                raise
            raise syncing from problem  # it is the mirror's fault that time ran out
        if done.ok:
            return
        syncing = explain(done, sources, staging)
        if not _worth_another(syncing, attempt, pause, deadline):
            raise syncing
        report(f"the mirror is being updated, attempt {attempt + 1} of {_ATTEMPTS} follows")
        (staging / "tree.tar").unlink(missing_ok=True)
        await asyncio.sleep(pause * attempt)


def _worth_another(failure: NestlabError, attempt: int, pause: float, deadline: Deadline) -> bool:
    if failure.code != "image.mirror-syncing" or attempt == _ATTEMPTS:
        return False
    return pause * attempt < deadline.remaining


def mmdebstrap_argv(
    recipe: Recipe, sources: tuple[Source, ...], *, folder: Path, root: bool
) -> tuple[str, ...]:
    """The command that packs the tree into `tree.tar` (pure)."""
    chroot = "/usr/lib/nestlab/customize"
    namespace = ("sh", "-c", _OWN_NAMESPACE, "sh") if root else ()
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
        raise explain(done, (), staging)


async def _run(
    machine: Machine, argv: tuple[str, ...], staging: Path, deadline: Deadline
) -> Completed:
    try:
        done = await machine.run(argv, deadline=deadline)
    except MachineError as problem:
        if problem.code == "machine.no-such-program":
            raise missing_program(argv[0]) from problem
        raise
    with (staging / _LOG).open("ab") as log:
        log.write(f"$ {shown(argv)}\n".encode() + done.stderr)
    missing = re.search(r"(?:env|unshare|sh|exec)[^\n]*?(mmdebstrap|mkfs\.ext4|fakeroot)[^\n]*"
                        r"(?:No such file|not found)", done.error_text)  # fmt: skip
    if not done.ok and missing:
        raise missing_program(missing[1])
    return done


def _publish(store: ImageStore, recipe: Recipe, staging: Path) -> Image:
    whole = staging / "whole"
    whole.mkdir()
    (kernel,) = sorted((staging / "tree" / "boot").glob("vmlinuz-*"))[-1:]
    shutil.copyfile(kernel, whole / "vmlinuz")
    shutil.copyfile(staging / "tree" / "boot" / "nestlab-initrd", whole / "initrd")
    (staging / "disk.img").rename(whole / "disk.img")
    (whole / "disk.img").chmod(0o444)
    manifest = Manifest(
        name=recipe.name,
        recipe=recipe.digest,
        architecture=KERNEL_NAMES.get(recipe.architecture, recipe.architecture),
        created=datetime.now(UTC),
        kernel=kernel.name.removeprefix("vmlinuz-"),
        packages=installed(staging / "tree" / "var/lib/dpkg/status"),
        disk_size=recipe.size,
        disk_sha256=sha256_of(whole / "disk.img"),
        kernel_sha256=sha256_of(whole / "vmlinuz"),
        initrd_sha256=sha256_of(whole / "initrd"),
    )
    return store.publish(whole, recipe.slug, manifest)


def installed(status: Path) -> dict[str, str]:
    """Package -> version, from dpkg's status file (deb-control(5))."""
    text = status.read_text("utf-8", "backslashreplace")
    return dict(re.findall(r"^Package: (\S+)\n(?:.+\n)*?Version: (\S+)$", text, re.MULTILINE))
