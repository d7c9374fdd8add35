"""Downloads against a real web server: whole, cut, changed, hanging, gone."""

import asyncio
import errno
import json
import os
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from image_server import ImageServer, image_server
from nestlab.errors import NestlabError
from nestlab.image import space
from nestlab.image.transfer import Part, download
from nestlab.image.web import fetch_text

DATA = os.urandom(300_000)


@pytest.fixture
def server() -> Iterator[ImageServer]:
    with image_server() as served:
        yield served


def fetch(url: str, folder: Path, *, stall: float = 5, told: list[str] | None = None) -> bytes:
    part = Part(folder / "x.part")
    report = (told if told is not None else []).append
    asyncio.run(download(url, part, report, stall=stall))
    return part.path.read_bytes()


def failure(url: str, folder: Path, *, stall: float = 5) -> NestlabError:
    with pytest.raises(NestlabError) as caught:
        fetch(url, folder, stall=stall)
    assert caught.value.hint
    return caught.value


def test_a_file_comes_whole_and_says_how_far_it_is(server: ImageServer, tmp_path: Path) -> None:
    told: list[str] = []
    assert fetch(server.put("disk", DATA), tmp_path, told=told) == DATA
    assert server.asked == [("disk", None)]
    assert any("of 293.0 KiB" in line and "/s" in line for line in told)


@pytest.mark.parametrize("sized", [True, False])
def test_nothing_is_asked_twice_that_is_here(
    server: ImageServer, tmp_path: Path, *, sized: bool
) -> None:
    url = server.put("disk", DATA, sized=sized)
    assert fetch(url, tmp_path) == DATA
    assert fetch(url, tmp_path) == DATA
    assert server.asked[1] == ("disk", f"bytes={len(DATA)}-")


def test_a_cut_connection_is_continued_at_once(server: ImageServer, tmp_path: Path) -> None:
    told: list[str] = []
    url = server.put("disk", DATA, cut=100_000, cuts=2)
    assert fetch(url, tmp_path, told=told) == DATA
    assert server.asked == [
        ("disk", None),
        ("disk", "bytes=100000-"),
        ("disk", "bytes=200000-"),
    ]
    assert sum("continuing" in line for line in told) == 2


def test_a_file_that_is_always_cut_is_continued_next_time(
    server: ImageServer, tmp_path: Path
) -> None:
    url = server.put("disk", DATA, cut=0)
    error = failure(url, tmp_path)
    assert (error.code, error.exit_status) == ("image.truncated", 3)
    assert len(server.asked) == 3
    server.put("disk", DATA, cut=100_000, cuts=1)
    server.asked.clear()
    assert fetch(url, tmp_path) == DATA
    assert [asked for _, asked in server.asked] == [None, "bytes=100000-"]


def test_a_file_that_changed_upstream_starts_again(server: ImageServer, tmp_path: Path) -> None:
    url = server.put("disk", DATA, hang=100_000)
    assert failure(url, tmp_path, stall=0.5).code == "image.stalled"
    new = os.urandom(len(DATA))
    server.put("disk", new, etag='"2"')
    assert fetch(url, tmp_path) == new
    assert server.asked[-1] == ("disk", "bytes=100000-")


def test_a_range_of_another_version_is_not_mixed_in(server: ImageServer, tmp_path: Path) -> None:
    """A server that ignores If-Range: the ETag of its answer tells."""
    url = server.put("disk", DATA, hang=100_000)
    failure(url, tmp_path, stall=0.5)
    sidecar = json.loads((tmp_path / "x.json").read_text())
    assert sidecar["etag"] == '"1"'
    new = os.urandom(len(DATA))
    server.put("disk", new, etag='"2"')
    (tmp_path / "x.json").write_text(json.dumps({**sidecar, "etag": '"2"', "total": 7}))
    assert fetch(url, tmp_path) == new
    assert server.asked[-1] == ("disk", None)


@pytest.mark.parametrize("how", [{"etag": None}, {"etag": 'W/"1"'}, {"ranges": False}])
def test_without_a_way_to_continue_it_starts_again(
    server: ImageServer, tmp_path: Path, how: dict[str, object]
) -> None:
    url = server.put("disk", DATA, cut=100_000, cuts=1, **how)
    assert fetch(url, tmp_path) == DATA
    assert len(server.asked) == 2
    assert (server.asked[1][1] is None) == ("etag" in how)


def test_a_part_of_another_url_is_not_used(server: ImageServer, tmp_path: Path) -> None:
    failure(server.put("one", DATA, hang=100_000), tmp_path, stall=0.5)
    assert fetch(server.put("two", DATA[::-1]), tmp_path) == DATA[::-1]
    assert server.asked[-1] == ("two", None)


def test_a_part_longer_than_the_file_starts_again(server: ImageServer, tmp_path: Path) -> None:
    url = server.put("disk", DATA)
    fetch(url, tmp_path)
    with (tmp_path / "x.part").open("ab") as file:
        file.write(b"more")
    assert fetch(url, tmp_path) == DATA


@pytest.mark.parametrize("first", [0, 100_000])
def test_a_hang_ends(server: ImageServer, tmp_path: Path, first: int) -> None:
    error = failure(server.put("disk", DATA, hang=first), tmp_path, stall=0.5)
    assert error.code == "image.stalled"
    assert "for 0.5 s" in error.message
    assert Part(tmp_path / "x.part").size == first


@pytest.mark.parametrize(
    ("status", "code"),
    [(404, "image.not-found"), (410, "image.not-found"), (403, "image.refused"),
     (503, "image.refused")],
)  # fmt: skip
def test_what_a_server_refuses(server: ImageServer, tmp_path: Path, status: int, code: str) -> None:
    error = failure(server.put("disk", DATA, status=status), tmp_path)
    assert error.code == code
    assert str(status) in error.message
    assert not (tmp_path / "x.part").exists()


def test_a_redirect_is_followed(server: ImageServer, tmp_path: Path) -> None:
    server.put("there", DATA)
    assert fetch(server.put("here", b"", moved="/there"), tmp_path) == DATA


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        error = failure(f"http://127.0.0.1:{free.getsockname()[1]}/disk", tmp_path)
    assert error.code == "image.unreachable"


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/disk", "disk", "http://"])
def test_what_is_no_url(tmp_path: Path, url: str) -> None:
    error = failure(url, tmp_path)
    assert (error.code, error.exit_status) == ("image.bad-url", 2)


def test_too_little_space_is_said_before_it_comes(
    server: ImageServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage:
        free = len(DATA) - 1

    monkeypatch.setattr("shutil.disk_usage", lambda _path: Usage)
    error = failure(server.put("disk", DATA), tmp_path)
    assert error.code == "image.disk-full"
    assert "downloading needs 293.0 KiB, free: 293.0 KiB" in error.message


def test_a_disk_that_fills_up_is_said(tmp_path: Path) -> None:
    with (
        pytest.raises(NestlabError) as caught,
        space.noticing_a_full_disk(tmp_path, "downloading"),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert caught.value.code == "image.disk-full"


def test_a_small_file_that_is_endless_is_not_read_to_its_end(server: ImageServer) -> None:
    with pytest.raises(NestlabError) as caught:
        asyncio.run(fetch_text(server.put("SUMS", bytes(5 << 20)), stall=5))
    assert caught.value.code == "image.truncated"


def test_a_small_file_that_is_cut(server: ImageServer) -> None:
    with pytest.raises(NestlabError) as caught:
        asyncio.run(fetch_text(server.put("SUMS", bytes(1000), cut=10), stall=5))
    assert caught.value.code == "image.truncated"


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """For 127.0.0.1, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path / "certificate.pem"
    path.write_bytes(private + made.public_bytes(pem))
    return path


def test_a_checksum_stays_on_https(
    server: ImageServer, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = server.put("SUMS", b"plain")
    with image_server(certificate) as secure:
        safe = secure.put("SUMS", b"safe")
        with pytest.raises(NestlabError) as caught:
            asyncio.run(fetch_text(safe, stall=5))
        assert caught.value.code == "image.unreachable", "nobody vouches for the certificate"
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert asyncio.run(fetch_text(safe, stall=5)) == b"safe"
        secure.put("SUMS", b"", moved=plain)
        with pytest.raises(NestlabError) as caught:
            asyncio.run(fetch_text(safe, stall=5))
    assert caught.value.code == "image.insecure"
    assert plain in caught.value.message
