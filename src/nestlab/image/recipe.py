"""What an image is made of; its digest is its name in the store (pure)."""

import hashlib
import io
import json
import tarfile
from dataclasses import asdict, dataclass
from importlib.resources import files

from nestlab.errors import UsageError
from nestlab.image.manifest import DEBIAN_NAMES
from nestlab.units import GIB

_FILES = {
    # inside the package -> inside the image
    "init": "usr/lib/nestlab/init",
    "resume": "usr/lib/nestlab/resume",
    "initrd-init": "usr/lib/nestlab/initrd-init",
    "customize": "usr/lib/nestlab/customize",
    "nestlab.target": "etc/systemd/system/nestlab.target",
    "sshd.conf": "etc/ssh/sshd_config.d/nestlab.conf",
}


@dataclass(frozen=True)
class Recipe:
    """A Debian image.

    size    bytes of the root file system; the file is sparse, so unused space costs nothing
    files   path inside the image -> text
    """

    name: str
    suite: str
    architecture: str
    packages: tuple[str, ...]
    size: int
    files: tuple[tuple[str, str], ...]

    @property
    def digest(self) -> str:
        """SHA-256 over everything that the recipe says."""
        text = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def slug(self) -> str:
        """The image's folder name in the store."""
        return f"{self.name}-{self.digest[:16]}"

    def files_tar(self) -> bytes:
        """The recipe's own files as a tar that is unpacked into the tree, byte for byte stable."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            for path, text in self.files:
                entry = tarfile.TarInfo(path)
                entry.size, entry.mode = len(text.encode()), 0o644
                tar.addfile(entry, io.BytesIO(text.encode()))
        return buffer.getvalue()


BUILT_SIZE = 8 * GIB
"""Bytes of the root file system of every image that is built."""

SUITES = {"debian-12": "bookworm", "debian-13": "trixie"}
"""Images that can be built -> Debian's release."""

_OTHER_PACKAGES = {
    "arm64": {
        "linux-image-cloud-amd64": "linux-image-cloud-arm64",
        "qemu-system-x86": "qemu-system-arm",
    },
}
"""What packages of the list are called on another architecture than amd64."""


def debian(name: str, architecture: str) -> Recipe:
    """A Debian with its cloud kernel (NVMe and ext4 built in: it boots without an initrd).

    name          of SUITES
    architecture  as `uname -m` says it

    Raises UsageError `image.unknown-recipe`.
    """
    suite, debian_name = SUITES.get(name), DEBIAN_NAMES.get(architecture)
    if suite is None or debian_name is None:
        raise UsageError(
            "image.unknown-recipe",
            f"there is no recipe for {name} on {architecture}",
            hint=f"images that can be built: {', '.join(SUITES)}; for {', '.join(DEBIAN_NAMES)}",
        )
    folder = files("nestlab.image").joinpath("debian")
    listed = folder.joinpath("packages").read_text().splitlines()
    other = _OTHER_PACKAGES.get(debian_name, {})
    return Recipe(
        name=name,
        suite=suite,
        architecture=debian_name,
        packages=tuple(
            other.get(line, line) for line in listed if line and not line.startswith("#")
        ),
        size=BUILT_SIZE,
        files=tuple((inside, folder.joinpath(name).read_text()) for name, inside in _FILES.items()),
    )


def debian_12() -> Recipe:
    """What labs use unless they say otherwise."""
    return debian("debian-12", "x86_64")
