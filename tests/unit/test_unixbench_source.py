"""The source of UnixBench comes from a file, or once from its URL."""

import asyncio
import hashlib
from pathlib import Path

import pytest

from image_server import image_server
from nestlab.errors import HostError, StoredDataError, UsageError
from nestlab.home import Home
from nestlab.lab.measure.unixbench import unixbench_tree
from nestlab.workload import unixbench_source as source
from test_unixbench import UPSTREAM, packed

ARCHIVE = packed(UPSTREAM)


def tree(home: Path, archive: Path | None = None) -> bytes:
    return asyncio.run(unixbench_tree(archive, Home(home / "cache", home / "state")))


def test_a_file_needs_no_network(tmp_path: Path) -> None:
    (tmp_path / "mine.tar").write_bytes(ARCHIVE)
    assert tree(tmp_path, tmp_path / "mine.tar") == source.tree(ARCHIVE, "")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.tar"]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file") as caught:
        tree(tmp_path, tmp_path / "mine.tar")
    assert caught.value.code == "unixbench.bad-archive"


def test_the_download_is_checked_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with image_server() as server:
        monkeypatch.setattr(source, "URL", server.put("v.tar.gz", ARCHIVE))
        with pytest.raises(StoredDataError) as caught:
            tree(tmp_path)
        assert caught.value.code == "unixbench.checksum"
        assert list((tmp_path / "cache" / "sources").iterdir()) == []
        monkeypatch.setattr(source, "SHA256", hashlib.sha256(ARCHIVE).hexdigest())
        assert tree(tmp_path) == source.tree(ARCHIVE, "")
        assert tree(tmp_path) == source.tree(ARCHIVE, "")
        assert len(server.asked) == 2
    (kept,) = (tmp_path / "cache" / "sources").iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600
    kept.write_bytes(b"damaged")
    with pytest.raises(StoredDataError):
        tree(tmp_path)


def test_without_a_network_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with image_server() as server:
        monkeypatch.setattr(source, "URL", f"{server.url}/nothing")
        with pytest.raises(HostError) as caught:
            tree(tmp_path)
    assert caught.value.code == "image.not-found"
