"""Debian's installer, and a mirror that has everything that it asks for.

A mirror that keeps only what somebody fetched lately lacks some of the installer's own packages
(udebs), or has an index of another day than its Release file. What is missing is then made from
Debian's packages of the same versions, and served beside the rest, on the loopback.
"""

import hashlib
import lzma
import re
import shutil
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from nestlab.install.initrd import append

SUITE = "trixie"
INSTALLER = "debian-installer-13-netboot-amd64"
INDEX = "main/debian-installer/binary-amd64/Packages.xz"
NETBOOT = "usr/lib/debian-installer/images/13/amd64/text/debian-installer/amd64"

MADE_OF = {
    "e2fsprogs-udeb": ("e2fsprogs", "libext2fs2t64", "libcom-err2", "libss2"),
    "libmount1-udeb": ("libmount1",),
    "xfsprogs-udeb": (),
    "ntfs-3g-udeb": (),
}
"""Packages of the installer that may be missing -> what they are made of; none: left empty."""

TAKEN = re.compile(r"usr/sbin/(mke2fs|mkfs\..*|e2fsck|fsck\..*|tune2fs|resize2fs|badblocks)|etc/"
                   r"|usr/lib/x86_64-linux-gnu/[^/]*\.so\.[^/]*")  # fmt: skip

MODULES = ("fs", "crypto", "lib", "drivers/block", "drivers/virtio", "drivers/md")
"""Folders of kernel modules that an installation to a disk on virtio needs."""


def run(*argv: str, cwd: Path, **environment: str) -> str:
    """What a program prints; its failure is the test's."""
    path = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
    done = subprocess.run(
        argv,
        cwd=cwd,
        env={"PATH": path, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{argv}: {done.stderr}"
    return done.stdout


@dataclass
class Apt:
    """An apt of the test's own, for another release than the host's."""

    folder: Path
    mirror: str

    def __post_init__(self) -> None:
        for name in ("lists/partial", "cache/archives/partial", "debs"):
            (self.folder / name).mkdir(parents=True)
        keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
        line = f"deb [signed-by={keyring}] {self.mirror} {SUITE} main\n"
        (self.folder / "sources.list").write_text(line)
        (self.folder / "apt.conf").write_text(
            f'Dir::Etc::sourcelist "{self.folder}/sources.list";\nDir::Etc::sourceparts "-";\n'
            f'Dir::State::lists "{self.folder}/lists";\nDir::Cache "{self.folder}/cache";\n'
            'APT::Sandbox::User "root";\n'
        )
        self._apt("update", "-qq")

    def _apt(self, *words: str) -> None:
        run("apt-get", *words, cwd=self.folder / "debs", APT_CONFIG=str(self.folder / "apt.conf"))

    def unpack(self, target: Path, *packages: str) -> Path:
        """The files of packages."""
        target.mkdir(parents=True, exist_ok=True)
        self._apt("download", "-qq", *packages)
        for package in packages:
            (deb,) = (self.folder / "debs").glob(f"{package}_*.deb")
            run("dpkg-deb", "-x", str(deb), str(target), cwd=self.folder)
        return target


def fetch(url: str) -> bytes | None:
    """A file of the mirror; None where it has none."""
    try:
        with urllib.request.urlopen(url, timeout=120) as answer:
            return bytes(answer.read())
    except urllib.error.HTTPError:
        return None


@dataclass
class Completed:
    """What is served in place of what the mirror has. replaced: path -> content, None: nothing."""

    upstream: str
    replaced: dict[str, bytes | None] = field(default_factory=dict)

    def get(self, path: str) -> bytes | None:
        """A file."""
        if path in self.replaced:
            return self.replaced[path]
        return fetch(f"{self.upstream}/{path}")


def complete(apt: Apt) -> Completed:
    """Look for what is missing, and make it.

    The installer reads Release with Release.gpg, apt the signed InRelease: that stays as it is.
    """
    made = Completed(apt.mirror)
    index = made.get(f"dists/{SUITE}/{INDEX}")
    assert index is not None, "the mirror has no index of the installer's packages"
    entries = lzma.decompress(index).decode().split("\n\n")
    for number, entry in enumerate(entries):
        fields = dict(re.findall(r"^(\S+): (.*)$", entry, re.MULTILINE))
        name = fields.get("Package", "")
        if name in MADE_OF and made.get(fields["Filename"]) is None:
            entries[number] = _made(apt, made, entry, fields)
    release = made.get(f"dists/{SUITE}/Release")
    assert release is not None
    index = lzma.compress("\n\n".join(entries).encode())
    if made.replaced or hashlib.sha256(index).hexdigest() not in release.decode():
        made.replaced[f"dists/{SUITE}/{INDEX}"] = index
        made.replaced[f"dists/{SUITE}/Release"] = _release(made, release.decode(), index)
        made.replaced[f"dists/{SUITE}/Release.gpg"] = None
    return made


def _made(apt: Apt, made: Completed, entry: str, fields: dict[str, str]) -> str:
    """Build a package of the installer's; returns its entry of the index."""
    name, folder = fields["Package"], apt.folder / fields["Package"]
    (folder / "DEBIAN").mkdir(parents=True)
    if MADE_OF[name]:
        files = apt.unpack(apt.folder / f"{name}-files", *MADE_OF[name])
        for path in sorted(files.rglob("*")):
            inside = path.relative_to(files)
            if TAKEN.match(str(inside)) and not path.is_dir():
                (folder / inside).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, folder / inside, follow_symlinks=False)
    else:
        entry = re.sub(r"^Depends: .*\n", "", entry, flags=re.MULTILINE)
    control = [f"{key}: {fields[key]}" for key in ("Package", "Version", "Architecture")]
    control += ["Maintainer: nobody", "Section: debian-installer", "Description: made for a test"]
    control += [line for line in entry.splitlines() if line.startswith("Depends: ")]
    (folder / "DEBIAN/control").write_text("\n".join(control) + "\n")
    udeb = apt.folder / f"{name}.udeb"
    run("dpkg-deb", "-Zxz", "--root-owner-group", "-b", str(folder), str(udeb), cwd=apt.folder)
    data = udeb.read_bytes()
    made.replaced[f"pool/{udeb.name}"] = data
    for key, value in (
        ("Filename", f"pool/{udeb.name}"),
        ("Size", str(len(data))),
        ("MD5sum", hashlib.md5(data, usedforsecurity=False).hexdigest()),
        ("SHA256", hashlib.sha256(data).hexdigest()),
    ):
        entry = re.sub(rf"^{key}: .*$", f"{key}: {value}", entry, flags=re.MULTILINE)
    return entry


def _release(made: Completed, text: str, index: bytes) -> bytes:
    """The Release file with digests of the installer's indexes as they are served."""
    found: dict[str, bytes | None] = {INDEX: index}
    lines, algorithm = [], ""
    for line in text.splitlines():
        if header := re.match(r"(MD5Sum|SHA1|SHA256):$", line):
            algorithm = header[1].lower().removesuffix("sum")
        parts = line.split()
        if line.startswith(" ") and len(parts) == 3 and "debian-installer/binary-" in parts[2]:
            name = parts[2]
            if name not in found:
                wanted = name.endswith("binary-amd64/Packages.xz")
                found[name] = made.get(f"dists/{SUITE}/{name}") if wanted else None
            data = found[name]
            if data is None:
                continue
            digest = hashlib.new(algorithm, data, usedforsecurity=False).hexdigest()
            lines.append(f" {digest} {len(data)} {name}")
        else:
            lines.append(line)
    return ("\n".join(lines) + "\n").encode()


def kernel_version(kernel: bytes) -> str:
    """From the header of a bzImage (the kernel's Documentation/arch/x86/boot.rst)."""
    at = 0x200 + int.from_bytes(kernel[0x20E:0x210], "little")
    return kernel[at : kernel.index(b"\0", at)].split()[0].decode()


def add_modules(apt: Apt, initrd: Path, version: str) -> None:
    """Modules of the kernel's own package, for a mirror whose udebs are of another version."""
    root = apt.unpack(apt.folder / "kernel", f"linux-image-{version}")
    have = apt.folder / "have"
    have.mkdir()
    with initrd.open("rb") as packed:
        data = subprocess.run(["zcat"], stdin=packed, capture_output=True, check=False).stdout
    argv = ["cpio", "-idm", "--quiet", f"usr/lib/modules/{version}/*"]
    subprocess.run(argv, input=data, cwd=have, check=True)
    modules = Path("usr/lib/modules") / version
    for folder in MODULES:
        shutil.copytree(
            root / modules / "kernel" / folder, have / modules / "kernel" / folder,
            dirs_exist_ok=True,
        )  # fmt: skip
    for file in (root / modules).glob("modules.*"):
        shutil.copy(file, have / modules)
    (have / "lib").symlink_to("usr/lib")
    run("depmod", "-b", str(have), version, cwd=have)
    files = [path for path in (have / modules).rglob("*") if path.is_file()]
    append(initrd, {str(path.relative_to(have)): path.read_bytes() for path in files})


@dataclass(frozen=True)
class Prepared:
    """For the command line: a tree, a mirror, words for the installer's kernel."""

    tree: Path
    mirror: str
    words: str


@contextmanager
def prepared(folder: Path, mirror: str) -> Iterator[Prepared]:
    """Everything that an installation needs, for as long as the context lasts."""
    apt = Apt(folder / "apt", mirror)
    tree = folder / "tree"
    tree.mkdir()
    files = apt.unpack(folder / "installer", INSTALLER) / NETBOOT
    for name in ("linux", "initrd.gz"):
        shutil.copy(files / name, tree)
    made, words = complete(apt), []
    version = kernel_version((tree / "linux").read_bytes())
    index = lzma.decompress(made.get(f"dists/{SUITE}/{INDEX}") or b"").decode()
    if f"Package: kernel-image-{version}-di\n" not in index:
        add_modules(apt, tree / "initrd.gz", version)
        words.append("anna/no_kernel_modules=true")
    if not made.replaced:
        yield Prepared(tree, mirror, " ".join(words))
        return
    words.append("debian-installer/allow_unauthenticated=true")
    with _serving(made) as port:
        yield Prepared(tree, f"http://127.0.0.1:{port}", " ".join(words))


@contextmanager
def _serving(made: Completed) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            data = made.get(self.path.lstrip("/"))
            self.send_response(404 if data is None else 200)
            self.send_header("Content-Length", str(len(data or b"")))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(data or b"")

        def do_HEAD(self) -> None:
            self.do_GET()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
