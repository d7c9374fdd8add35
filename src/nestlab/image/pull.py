"""Bring a cloud image here: its published checksum first, then the image, then its name."""

import asyncio
import contextlib
import fcntl
import hashlib
import shutil
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from nestlab.errors import HostError, StoredDataError, UsageError
from nestlab.home import make_folder
from nestlab.image.catalogue import Offer
from nestlab.image.checksums import Checksum, find_checksum
from nestlab.image.shelve import Label, shelve
from nestlab.image.signature import signed_text
from nestlab.image.space import need_space, noticing_a_full_disk
from nestlab.image.store import Image, ImageStore
from nestlab.image.transfer import STALL, Part, Report, download
from nestlab.image.web import fetch_text
from nestlab.machine.protocol import Machine


@dataclass(frozen=True)
class Terms:
    """How an image is brought.

    stall              seconds without a byte after which a download has failed
    require_signature  fail where the checksums cannot be verified with a key
    """

    stall: float = STALL
    require_signature: bool = False


async def pull(
    store: ImageStore, offer: Offer, machine: Machine, report: Report, terms: Terms
) -> Image:
    """The image of a catalogue; nothing is downloaded when it is here already.

    Raises what `download`, `signed_text` and `shelve` raise; HostError `image.no-checksum`,
    `image.signature-unverified`.
    """
    report("reading the published checksums")
    expected = await _expected(offer, machine, report, terms)
    label = Label(offer.name, offer.architecture, offer.user, offer.image, expected)
    return await bring(store, label, machine, report, terms)


async def bring(
    store: ImageStore, label: Label, machine: Machine, report: Report, terms: Terms
) -> Image:
    """What the label says: as it is stored, else downloaded; a part that is here is continued."""
    name = hashlib.sha256(label.source.encode()).hexdigest()[:16]
    part = Part(make_folder(store.downloads) / f"{name}.part")
    async with _alone(part, report):
        if image := _stored(store, label):
            return image
        await download(label.source, part, report, stall=terms.stall)
        try:
            image = await shelve(store, part.path, label, machine, report)
        except StoredDataError:
            part.remove()  # going on from it would end the same way
            raise
        part.remove()
        return image


def _stored(store: ImageStore, label: Label) -> Image | None:
    wanted = (label.name, label.architecture, label.user, str(label.expected))
    for image in store.list():
        said = image.manifest
        if (said.name, said.architecture, said.user, said.checksum) == wanted:
            return store.find(image.folder.name)
    return None


async def take(
    store: ImageStore, file: Path, label: Label, machine: Machine, report: Report
) -> Image:
    """Store a copy of a file of this machine. Raises UsageError `image.file-missing`."""
    report("copying it")
    folder = make_folder(store.downloads)
    need_space(folder, _bytes_of(file), "copying")
    with tempfile.TemporaryDirectory(prefix="copy-", dir=folder) as temporary:
        copy = Path(temporary) / file.name
        with noticing_a_full_disk(folder, "copying"):
            await asyncio.to_thread(shutil.copyfile, file, copy)
        return await shelve(store, copy, label, machine, report)


def _bytes_of(file: Path) -> int:
    if not file.is_file():
        raise UsageError(
            "image.file-missing", f"{file} is no file", hint="give the path of a disk image"
        )
    return file.stat().st_size


async def _expected(offer: Offer, machine: Machine, report: Report, terms: Terms) -> Checksum:
    text = await fetch_text(offer.checksums, stall=terms.stall)
    why = _why_unverified(offer)
    if why is None:
        text = await _verified(offer, text, machine, terms)
    elif terms.require_signature:
        raise _unverified(offer, why)
    else:
        scheme = offer.checksums.partition(":")[0].upper()
        report(f"checksums over {scheme}, signature not verified: {why}")
    found = find_checksum(text.decode("utf-8", "replace"), offer.file, one=offer.one)
    if found is None:
        raise HostError(
            "image.no-checksum",
            f"{offer.checksums} does not say what {offer.file} must be",
            where="l0, while downloading an image",
            hint="the project may be replacing it just now: try it again in some minutes",
        )
    return found


async def _verified(offer: Offer, text: bytes, machine: Machine, terms: Terms) -> bytes:
    signature = (
        await fetch_text(offer.detached, stall=terms.stall) if offer.detached is not None else None
    )
    keyring = next(path for path in offer.keyring if path.exists())
    return await signed_text(machine, text, signature, keyring, name=offer.checksums)


def _why_unverified(offer: Offer) -> str | None:
    """Why the signature cannot be verified, as what to do about it; None: it can."""
    if not offer.signed:
        return "the project does not sign them"
    if not any(path.exists() for path in offer.keyring):
        return f"install {offer.package}" if offer.package else "its keyring is not here"
    return None if shutil.which("gpgv") else "install gpgv"


def _unverified(offer: Offer, why: str) -> HostError:
    return HostError(
        "image.signature-unverified",
        f"the checksums of {offer.name} cannot be verified with a key: {why}",
        where="l0, while downloading an image",
        hint=f"{why}; or leave out --require-signature and trust HTTPS",
        notes=tuple(f"looked for {path}" for path in offer.keyring),
    )


@contextlib.asynccontextmanager
async def _alone(part: Part, report: Report) -> AsyncIterator[None]:
    """One nestlab at a time works on a part; the lock goes with the process."""
    with part.path.with_suffix(".lock").open("w") as lock:
        told = False
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if not told:
                    report("waiting: another nestlab downloads it")
                told = True
                await asyncio.sleep(0.2)
            else:
                break
        yield
