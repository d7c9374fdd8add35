"""HTTP as the download of images needs it: what goes wrong gets its name and its remedy."""

import contextlib
import ssl
from collections.abc import Iterator
from typing import TYPE_CHECKING

from nestlab.errors import HostError, NestlabError, UsageError
from nestlab.units import format_duration, format_size

if TYPE_CHECKING:
    import httpx

_TEXT_LIMIT = 4 << 20
"""Bytes of a checksum file or a signature."""

_CONNECT = 30.0
_WHERE = "l0, while downloading an image"


class CutError(Exception):
    """The answer ended too early, or was ended because it is far too long."""


def client(stall: float) -> "httpx.AsyncClient":
    """A client that follows redirects and gives up after `stall` seconds without a byte."""
    import httpx  # noqa: PLC0415  (only a download needs it)

    return httpx.AsyncClient(
        follow_redirects=True,
        timeout=httpx.Timeout(stall, connect=min(stall, _CONNECT)),
        verify=ssl.create_default_context(),  # the host's own authorities, not those of a package
        headers={"User-Agent": "nestlab"},
    )


@contextlib.contextmanager
def explained(url: str, stall: float) -> Iterator[None]:
    """Errors of httpx become ours; `CutError` for an answer that was cut off."""
    import httpx  # noqa: PLC0415

    try:
        yield
    except (httpx.ReadTimeout, httpx.WriteTimeout) as problem:
        raise HostError(
            "image.stalled",
            f"nothing came from {url} for {format_duration(stall)}",
            where=_WHERE,
            hint="run it again: it goes on where it was; --stall waits longer",
        ) from problem
    except (httpx.RemoteProtocolError, httpx.ReadError) as problem:
        raise CutError from problem
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as problem:
        raise UsageError(
            "image.bad-url",
            f"{url} cannot be downloaded: {problem}",
            hint="give a URL that begins with https:// or http://",
        ) from problem
    except httpx.HTTPError as problem:
        raise HostError(
            "image.unreachable",
            f"{url} cannot be reached: {str(problem) or type(problem).__name__}",
            where=_WHERE,
            hint="look at the network and at https_proxy; or download it elsewhere and"
            " `nestlab image import FILE`",
        ) from problem


def check_status(answer: "httpx.Response", url: str) -> None:
    """Raises HostError `image.not-found`, `image.refused` for what is no file."""
    status = answer.status_code
    if status in {404, 410}:
        raise HostError(
            "image.not-found",
            f"there is nothing at {url} ({status})",
            where=_WHERE,
            hint="the project may have moved it: look for it there, then"
            " `nestlab image import URL --sha256 HEX`",
        )
    if status not in {200, 206}:
        raise HostError(
            "image.refused",
            f"the server answered {status} {answer.reason_phrase} to {url}",
            where=_WHERE,
            hint="try it again later",
        )


def truncated(url: str, have: int) -> HostError:
    """`image.truncated`: however often it was tried."""
    return HostError(
        "image.truncated",
        f"{url} was cut off after {format_size(have)}",
        where=_WHERE,
        hint="run it again: it goes on where it was",
    )


async def fetch_text(url: str, *, stall: float) -> bytes:
    """A small file; one that began as HTTPS has to stay it.

    Raises what `download` raises, and HostError `image.insecure`.
    """
    data = b""
    try:
        with explained(url, stall):
            async with client(stall) as session, session.stream("GET", url) as answer:
                check_status(answer, url)
                if url.startswith("https:") and answer.url.scheme != "https":
                    raise _insecure(url, str(answer.url))
                async for more in answer.aiter_bytes():
                    data += more
                    _bound(data)
    except CutError as problem:
        raise truncated(url, len(data)) from problem
    return data


def _bound(data: bytes) -> None:
    if len(data) > _TEXT_LIMIT:
        raise CutError


def _insecure(url: str, target: str) -> NestlabError:
    return HostError(
        "image.insecure",
        f"{url} leads to {target}, which is not encrypted: nobody vouches for such a checksum",
        where=_WHERE,
        hint="try it again, another mirror may answer; or `nestlab image import URL --sha256 HEX`",
    )
