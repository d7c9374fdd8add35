"""`nestlab image pull` and `import` against a real web server, with real keys and qemu-img."""

import gzip
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from image_server import ImageServer, image_server

pytestmark = pytest.mark.skipif(
    not (shutil.which("qemu-img") and shutil.which("gpg") and shutil.which("gpgv")),
    reason="there is no qemu-img, gpg or gpgv here",
)
FILE = "disk-13.qcow2"


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A small qcow2 with something in it."""
    folder = tmp_path_factory.mktemp("disk")
    (folder / "raw").write_bytes(os.urandom(1 << 20))
    argv = ("qemu-img", "convert", "-f", "raw", "-O", "qcow2", "raw", FILE)
    subprocess.run(argv, cwd=folder, check=True)
    return (folder / FILE).read_bytes()


@dataclass
class Keys:
    """Throwaway keys of a project, and what they sign."""

    home: Path

    def run(self, *argv: str, stdin: bytes = b"") -> bytes:
        words = ("gpg", "--homedir", str(self.home), "--batch", "--quiet", "--pinentry-mode",
                 "loopback", "--passphrase", "", *argv)  # fmt: skip
        return subprocess.run(words, input=stdin, capture_output=True, check=True).stdout

    def make(self, name: str) -> Path:
        self.run("--quick-generate-key", name, "ed25519", "sign", "never")
        keyring = self.home / f"{name}.asc"
        keyring.write_bytes(self.run("--armor", "--export", name))
        return keyring

    def sign(self, name: str, how: str, text: bytes) -> bytes:
        return self.run("--local-user", name, how, stdin=text)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keys]:
    made = Keys(Path(tmp_path_factory.mktemp("gpg")))
    made.home.chmod(0o700)
    yield made
    agent = ("gpgconf", "--homedir", str(made.home), "--kill", "gpg-agent")
    subprocess.run(agent, check=True)


@pytest.fixture(scope="module")
def project(keys: Keys) -> Path:
    return keys.make("project")


@pytest.fixture(scope="module")
def stranger(keys: Keys) -> Path:
    return keys.make("stranger")


@pytest.fixture
def server() -> Iterator[ImageServer]:
    with image_server() as served:
        yield served


@dataclass
class Nestlab:
    """The program, with a home of its own."""

    home: Path
    server: ImageServer

    def start(self, *words: str) -> "subprocess.Popen[str]":
        argv = (sys.executable, "-m", "nestlab", "image", *words)
        environment = {**os.environ, "NESTLAB_HOME": str(self.home), "LANG": "C.UTF-8"}
        return subprocess.Popen(
            argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        process = self.start(*words)
        stdout, stderr = process.communicate(timeout=60)
        return subprocess.CompletedProcess(words, process.returncode, stdout, stderr)

    def pull(self, *words: str, **checksums: object) -> "subprocess.CompletedProcess[str]":
        """`pull project-13` from a catalogue with these words about its checksums."""
        entry = {
            "title": "a project", "image": f"{self.server.url}/{FILE}",
            "checksums": {"url": f"{self.server.url}/SUMS", **checksums},
            "architectures": {"x86_64": "x86_64"}, "user": "someone", "looked_up": "2026-11-24",
        }  # fmt: skip
        catalogue = self.home.with_suffix(".yaml")
        catalogue.write_text(yaml.safe_dump({"images": {"project-13": entry}}))
        return self.run("pull", "project-13", "--catalogue", str(catalogue), *words)

    def images(self) -> list[dict[str, object]]:
        found: list[dict[str, object]] = json.loads(self.run("ls", "--json").stdout)["images"]
        return found


@pytest.fixture
def nestlab(server: ImageServer, tmp_path: Path) -> Nestlab:
    return Nestlab(tmp_path / "home", server)


def sums(data: bytes, algorithm: str = "sha256") -> bytes:
    return f"{hashlib.new(algorithm, data).hexdigest()}  {FILE}\n".encode()


def failed(done: "subprocess.CompletedProcess[str]", code: str, status: int) -> None:
    assert f"error[{code}]: " in done.stderr, done.stderr
    assert "\nhint: " in done.stderr
    assert done.returncode == status, done.stderr
    assert done.stdout == ""


def test_an_image_is_pulled_once(nestlab: Nestlab, server: ImageServer, disk: bytes) -> None:
    server.put(FILE, disk)
    server.put("SUMS", sums(disk, "sha512"))
    done = nestlab.pull("--json")
    assert done.returncode == 0, done.stderr
    assert "checksums over HTTP, signature not verified: the project does not" in done.stderr
    (row,) = json.loads(done.stdout)["images"]
    assert (row["name"], row["user"], row["kind"]) == ("project-13", "someone", "cloud")
    assert row["checksum"] == f"sha512:{hashlib.sha512(disk).hexdigest()}"
    folder = Path(row["folder"])
    assert (folder / "disk.qcow2").read_bytes() == disk
    assert (folder / "disk.qcow2").stat().st_mode & 0o777 == 0o444
    assert [path.suffix for path in (folder.parent / ".downloads").iterdir()] == [".lock"]
    server.asked.clear()
    assert nestlab.pull().returncode == 0
    assert server.asked == [("SUMS", None)]
    assert [each["folder"] for each in nestlab.images()] == [str(folder)]


def test_a_newer_version_replaces_the_older(
    nestlab: Nestlab, server: ImageServer, disk: bytes
) -> None:
    for data in (disk, disk + bytes(512)):
        server.put(FILE, data, etag=f'"{len(data)}"')
        server.put("SUMS", sums(data))
        assert nestlab.pull().returncode == 0
    assert sorted(bool(row["current"]) for row in nestlab.images()) == [False, True]


@pytest.mark.parametrize("how", ["detached", "clear-signed"])
def test_a_good_signature(
    nestlab: Nestlab,
    server: ImageServer,
    disk: bytes,
    keys: Keys,
    project: Path,
    stranger: Path,
    how: str,
) -> None:
    text = sums(disk)
    server.put(FILE, disk)
    if how == "detached":
        server.put("SUMS", text)
        url = server.put("SUMS.gpg", keys.sign("project", "--detach-sign", text))
        signature: object = {"file": url}
    else:
        server.put("SUMS", keys.sign("project", "--clear-sign", text))
        signature = "inline"
    done = nestlab.pull("--require-signature", signature=signature, keyring=[str(project)])
    assert done.returncode == 0, done.stderr
    assert "not verified" not in done.stderr
    words = ("--require-signature", "--keyring", str(stranger))
    failed(
        nestlab.pull(*words, signature=signature, keyring=[str(project)]), "image.signature-bad", 6
    )
    words = ("--require-signature", "--keyring", str(project))
    assert nestlab.pull(*words, signature=signature).returncode == 0


def test_bad_signatures(
    nestlab: Nestlab, server: ImageServer, disk: bytes, keys: Keys, project: Path, stranger: Path
) -> None:
    server.put(FILE, disk)
    text, other = sums(disk), sums(b"other")
    clear = keys.sign("project", "--clear-sign", text)
    foreign = keys.sign("stranger", "--clear-sign", text)
    changed = clear.replace(text[:8], b"00000000")
    for served in (foreign, changed, text, clear[:-60]):
        server.put("SUMS", served)
        done = nestlab.pull(signature="inline", keyring=[str(project)])
        failed(done, "image.signature-bad", 6)
    server.put("SUMS", text)
    url = server.put("SUMS.gpg", keys.sign("project", "--detach-sign", other))
    failed(nestlab.pull(signature={"file": url}, keyring=[str(project)]), "image.signature-bad", 6)
    assert nestlab.images() == []
    assert (FILE, None) not in server.asked


def test_only_what_is_signed_counts(
    nestlab: Nestlab, server: ImageServer, disk: bytes, keys: Keys, project: Path
) -> None:
    """Lines around the signed part of a clear-signed file are anybody's."""
    server.put(FILE, disk)
    signed = keys.sign("project", "--clear-sign", f"{'0' * 64}  other\n".encode())
    server.put("SUMS", sums(disk) + signed + sums(disk))
    done = nestlab.pull(signature="inline", keyring=[str(project)])
    assert done.returncode != 0
    assert (FILE, None) not in server.asked


def test_without_the_keyring_it_is_said_and_can_be_refused(
    nestlab: Nestlab, server: ImageServer, disk: bytes
) -> None:
    server.put(FILE, disk)
    server.put("SUMS", sums(disk))
    how = {"signature": "inline", "keyring": ["/no/such/keyring"], "package": "its-keyring"}
    done = nestlab.pull("--require-signature", **how)
    failed(done, "image.signature-unverified", 3)
    assert "looked for /no/such/keyring" in done.stderr
    done = nestlab.pull(**how)
    assert done.returncode == 0
    assert "signature not verified: install its-keyring" in done.stderr


def test_a_wrong_image_gets_no_name(nestlab: Nestlab, server: ImageServer, disk: bytes) -> None:
    server.put("SUMS", sums(b"something else"))
    server.put(FILE, disk)
    failed(nestlab.pull(), "image.checksum-mismatch", 6)
    assert nestlab.images() == []
    assert not list((nestlab.home / "cache/images/.downloads").glob("*.part"))
    server.put("SUMS", sums(disk))
    assert nestlab.pull().returncode == 0


@pytest.mark.parametrize("text", [b"", b"<html>", b"0123  disk\n"])
def test_without_a_checksum_nothing_is_downloaded(
    nestlab: Nestlab, server: ImageServer, disk: bytes, text: bytes
) -> None:
    server.put(FILE, disk)
    server.put("SUMS", text)
    failed(nestlab.pull(), "image.no-checksum", 3)
    assert (FILE, None) not in server.asked


def test_an_interrupted_pull_goes_on(nestlab: Nestlab, server: ImageServer, disk: bytes) -> None:
    url = server.put(FILE, disk, hang=300_000)
    process = nestlab.start("import", url, "--sha256", hashlib.sha256(disk).hexdigest())
    downloads = nestlab.home / "cache/images/.downloads"
    until = time.monotonic() + 30
    while sum(part.stat().st_size for part in downloads.glob("*.part")) < 300_000:
        assert time.monotonic() < until
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 130
    server.put(FILE, disk)
    done = nestlab.run("import", url, "--sha256", hashlib.sha256(disk).hexdigest())
    assert done.returncode == 0, done.stderr
    assert server.asked[-1] == (FILE, "bytes=300000-")


def test_a_hang_ends_after_as_long_as_asked_for(
    nestlab: Nestlab, server: ImageServer, disk: bytes
) -> None:
    url = server.put(FILE, disk, hang=10)
    done = nestlab.run("import", url, "--sha256", "0" * 64, "--stall", "1")
    failed(done, "image.stalled", 3)
    assert "for 1.0 s" in done.stderr


def test_two_at_once_download_once(nestlab: Nestlab, server: ImageServer, disk: bytes) -> None:
    url = server.put(FILE, disk)
    words = ("import", url, "--sha256", hashlib.sha256(disk).hexdigest())
    both = [nestlab.start(*words) for _ in range(2)]
    for process in both:
        _, stderr = process.communicate(timeout=60)
        assert process.returncode == 0, stderr
    assert server.asked == [(FILE, None)]
    assert len(nestlab.images()) == 1


@pytest.mark.parametrize("words", [(), ("--sha256", "12")])
def test_a_url_needs_a_checksum(
    nestlab: Nestlab, server: ImageServer, disk: bytes, words: tuple[str, ...]
) -> None:
    url = server.put(FILE, disk)
    done = nestlab.run("import", url, *words)
    failed(done, "image.bad-sha256" if words else "image.needs-sha256", 2)
    assert server.asked == []


def test_a_file_of_this_machine(nestlab: Nestlab, disk: bytes, tmp_path: Path) -> None:
    file = tmp_path / "My Disk.qcow2"
    file.write_bytes(disk)
    failed(nestlab.run("import", str(file)), "image.bad-name", 2)
    failed(nestlab.run("import", str(file), "--name", "x", "--user", "a:b"), "image.bad-name", 2)
    for taken in ("debian-12", "ubuntu-24.04"):
        failed(nestlab.run("import", str(file), "--name", taken), "image.name-taken", 2)
    done = nestlab.run("import", str(file), "--name", "mine", "--sha256", "0" * 64)
    failed(done, "image.checksum-mismatch", 6)
    assert nestlab.run("import", str(file), "--name", "mine", "--arch", "aarch64").returncode == 0
    assert file.read_bytes() == disk
    (row,) = nestlab.images()
    assert (row["name"], row["architecture"], row["user"]) == ("mine", "aarch64", "root")
    assert row["source"] == f"file:{file}"
    words = ("--name", "mine", "--arch", "aarch64", "--user", "admin")
    assert nestlab.run("import", str(file), *words).returncode == 0
    assert [row["user"] for row in nestlab.images() if row["current"]] == ["admin"]
    failed(nestlab.run("import", str(tmp_path / "none"), "--name", "n"), "image.file-missing", 2)


def test_a_disk_that_is_unsafe_or_damaged_gets_no_name(
    nestlab: Nestlab, disk: bytes, tmp_path: Path
) -> None:
    backed, packed, broken = (tmp_path / name for name in ("backed", "packed", "broken"))
    subprocess.run(
        ("qemu-img", "create", "-q", "-f", "qcow2", "-b", "/etc/passwd", "-F", "raw",
         str(backed), "1M"), check=True,
    )  # fmt: skip
    packed.write_bytes(gzip.compress(disk))
    broken.write_bytes(disk[:300_000])
    failed(nestlab.run("import", str(backed)), "image.unsafe", 6)
    failed(nestlab.run("import", str(packed)), "image.not-a-disk", 6)
    failed(nestlab.run("import", str(broken)), "image.corrupt", 6)
    assert nestlab.images() == []


def test_images_are_removed_by_name_and_by_gc(
    nestlab: Nestlab, disk: bytes, tmp_path: Path
) -> None:
    for name, more in (("one", b""), ("two", bytes(512)), ("one", bytes(1024))):
        (tmp_path / name).write_bytes(disk + more)
        assert nestlab.run("import", str(tmp_path / name)).returncode == 0
    old = next(row for row in nestlab.images() if not row["current"])
    assert json.loads(nestlab.run("gc", "--json").stdout)["waste"] == []
    os.utime(Path(str(old["folder"])) / "image.json", (0, 0))
    done = nestlab.run("gc", "--dry-run")
    assert "would remove one-" in done.stderr
    assert len(nestlab.images()) == 3
    (waste,) = json.loads(nestlab.run("gc", "--json").stdout)["waste"]
    assert (waste["folder"], waste["why"]) == (old["folder"], "superseded")
    failed(nestlab.run("rm", "three"), "image.unknown", 2)
    assert nestlab.run("rm", "two").returncode == 0
    assert [row["name"] for row in nestlab.images()] == ["one"]


def test_unknown_names_and_catalogues(nestlab: Nestlab, tmp_path: Path) -> None:
    failed(nestlab.run("pull", "ubuntu-1.0"), "image.unknown", 2)
    failed(nestlab.run("build", "debian-1"), "image.unknown-recipe", 2)
    failed(nestlab.run("pull", "fedora-44", "--keyring", "/no/keys"), "image.file-missing", 2)
    odd = tmp_path / "odd.yaml"
    odd.write_text("images: {x: {url: 1}}")
    failed(nestlab.run("pull", "x", "--catalogue", str(odd)), "image.catalogue", 2)
