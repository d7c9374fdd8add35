"""What an image is made of; its digest is its name in the store (pure)."""

import hashlib
import io
import json
import tarfile
from dataclasses import asdict, dataclass
from importlib.resources import files

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


def debian_12() -> Recipe:
    """Debian 12 with its cloud kernel (NVMe and ext4 built in: it boots without an initrd)."""
    folder = files("nestlab.image").joinpath("debian")
    listed = folder.joinpath("packages").read_text().splitlines()
    return Recipe(
        name="debian-12",
        suite="bookworm",
        architecture="amd64",
        packages=tuple(line for line in listed if line and not line.startswith("#")),
        size=8 * GIB,
        files=tuple((inside, folder.joinpath(name).read_text()) for name, inside in _FILES.items()),
    )
