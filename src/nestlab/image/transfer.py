"""A download that can be continued, also by a later nestlab.

What came is in a `.part` file; its sidecar says of which URL and of which version of that file it
is (ETag or Last-Modified, RFC 9110 sections 8.8 and 14). A server that has another version since
sends the whole of it, and it starts again.
"""

import contextlib
import json
import os
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from nestlab.image import web
from nestlab.image.space import need_space, noticing_a_full_disk
from nestlab.units import format_size

if TYPE_CHECKING:
    import httpx

Report = Callable[[str], None]

STALL = 60.0
"""Seconds without a byte after which a download has failed."""

_ATTEMPTS = 3
"""Connections in a row that bring nothing new; one that brings something does not count."""

_STEP, _PAUSE = 5, 10.0
"""Progress is told every so many per cent, or seconds."""


@dataclass
class Progress:
    """Tells how much came and how fast, not too often."""

    report: Report
    started: float = field(default_factory=time.monotonic)
    _bytes: int = 0
    _told: tuple[int, float] = (-1, 0.0)

    def __call__(self, new: int, have: int, total: int | None) -> None:
        """`new` bytes came, so that there are `have` of `total`."""
        self._bytes += new
        now = time.monotonic()
        step = have * 100 // total // _STEP if total else -1
        if step == self._told[0] and now - self._told[1] < _PAUSE:
            return
        self._told = (step, now)
        rate = self._bytes / max(now - self.started, 1e-3)
        of = f" of {format_size(total)}" if total else ""
        self.report(f"downloading: {format_size(have)}{of}, {format_size(round(rate))}/s")


@dataclass(frozen=True)
class Version:
    """Which file a `.part` is a part of; total: its bytes, if the server said so."""

    url: str
    etag: str | None = None
    modified: str | None = None
    total: int | None = None

    @property
    def validator(self) -> str | None:
        """For If-Range: a strong ETag, else the date."""
        strong = self.etag if self.etag and not self.etag.startswith("W/") else None
        return strong or self.modified


class Part:
    """The file on disk and its sidecar."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._sidecar = path.with_suffix(".json")

    @property
    def size(self) -> int:
        """Bytes that are there."""
        return self.path.stat().st_size if self.path.exists() else 0

    def version(self, url: str) -> Version | None:
        """What the part belongs to; None when it is of another URL, or cannot be continued."""
        try:
            said = Version(**json.loads(self._sidecar.read_bytes()))
        except (OSError, ValueError, TypeError):
            return None
        return said if said.url == url and said.validator else None

    def begin(self, version: Version) -> None:
        """Forget what came; from now on it is a part of this."""
        self.path.write_bytes(b"")
        self._sidecar.write_text(json.dumps(asdict(version)))

    def remove(self) -> None:
        """Nothing of it is of use any more."""
        self.path.unlink(missing_ok=True)
        self._sidecar.unlink(missing_ok=True)


async def download(url: str, part: Part, report: Report, *, stall: float = STALL) -> None:
    """Bring the part up to the whole file, continuing what is there.

    stall  seconds without a byte that are waited for

    Raises HostError `image.not-found`, `image.refused`, `image.unreachable`, `image.stalled`,
    `image.truncated`, `image.disk-full`; UsageError `image.bad-url`. The part stays for next time.
    """
    progress, attempt = Progress(report), 0
    async with web.client(stall) as client:
        while True:
            before = part.size
            with contextlib.suppress(web.CutError), web.explained(url, stall):
                if await _receive(client, url, part, progress):
                    return
            attempt = attempt + 1 if part.size <= before else 1
            if attempt >= _ATTEMPTS:
                raise web.truncated(url, part.size)
            report(f"the connection broke after {format_size(part.size)}, continuing")


async def _receive(client: "httpx.AsyncClient", url: str, part: Part, progress: Progress) -> bool:
    """One connection; whether the file is whole now."""
    version, have = part.version(url), part.size
    async with _answer(client, url, version, have) as answer:
        if version and answer.status_code == 416 and have == version.total:
            return True  # nothing is left to send, and it is still the same version
        if not (version and _continues(answer, version, have)):
            if answer.status_code != 200:  # a range that is not the one we asked for
                part.remove()
                return False
            version, have = _version(answer, url), 0
            part.begin(version)
        if version.total is not None:
            need_space(part.path.parent, version.total - have, "downloading")
        full = noticing_a_full_disk(part.path.parent, "downloading")
        with full, part.path.open("ab") as file:
            async for data in answer.aiter_raw():
                file.write(data)
                have += len(data)
                progress(len(data), have, version.total)
            file.flush()
            os.fsync(file.fileno())
    return version.total is None or have == version.total


@contextlib.asynccontextmanager
async def _answer(
    client: "httpx.AsyncClient", url: str, version: Version | None, have: int
) -> AsyncIterator["httpx.Response"]:
    headers = {"Accept-Encoding": "identity"}  # else lengths would be those of something else
    if version and version.validator and have:
        headers |= {"Range": f"bytes={have}-", "If-Range": version.validator}
    async with client.stream("GET", url, headers=headers) as answer:
        if answer.status_code != 416:
            web.check_status(answer, url)
        yield answer


def _continues(answer: "httpx.Response", version: Version, have: int) -> bool:
    """Whether the answer is what is missing, of the same version."""
    total = "*" if version.total is None else version.total
    said = answer.headers.get("Content-Range", "")
    return (
        answer.status_code == 206
        and said.startswith(f"bytes {have}-")
        and answer.headers.get("ETag", version.etag) == version.etag
        and (version.total is None or said.endswith(f"/{total}"))
    )


def _version(answer: "httpx.Response", url: str) -> Version:
    length = answer.headers.get("Content-Length", "")
    return Version(
        url=url,
        etag=answer.headers.get("ETag"),
        modified=answer.headers.get("Last-Modified"),
        total=int(length) if length.isascii() and length.isdecimal() else None,
    )
