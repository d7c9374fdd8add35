"""Have the source of UnixBench on L0: from a file, from the cache, or from its URL."""

from pathlib import Path

from nestlab.home import Home, make_folder
from nestlab.image.web import fetch_text
from nestlab.lab.measure.user_file import read_user_file
from nestlab.machine.replacement import replacing
from nestlab.workload import unixbench_source as source

_FILE = "unixbench-5.1.3.tar.gz"
_LARGEST = 16 << 20
_STALL = 60.0


async def unixbench_tree(archive: Path | None, home: Home) -> bytes:
    """The tree to be put on every machine.

    archive  a tar of the upstream tree, for people without a network

    The download is kept and has its checksum asked for each time. Raises UsageError
    `unixbench.bad-archive`, StoredDataError `unixbench.checksum`, HostError `image.unreachable`
    and the like.
    """
    if archive is not None:
        return source.tree(_read(archive), str(archive))
    kept = make_folder(home.cache / "sources") / _FILE
    if kept.is_file():
        return source.tree(source.checked_download(kept.read_bytes()), str(kept))
    data = source.checked_download(await fetch_text(source.URL, stall=_STALL))
    with replacing(kept) as part:
        part.write_bytes(data)
    return source.tree(data, source.URL)


def _read(archive: Path) -> bytes:
    return read_user_file(
        archive,
        _LARGEST,
        code="unixbench.bad-archive",
        hint="give a tar of the upstream tree of UnixBench 5.1.3",
    )
