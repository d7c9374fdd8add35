"""Keys of one lab: a client key for the controller, a host key for every guest.

Made by the controller and put into the guests, so that every login at every level knows both ends
beforehand and no key is ever taken on trust. A guest that is made again keeps its host key.
"""

import os
from dataclasses import dataclass
from pathlib import Path

FILE = "id_ed25519"
"""The client key within a lab's folder."""

_HOST_KEYS = "host-keys"


@dataclass(frozen=True)
class KeyPair:
    """Private (OpenSSH format) and public (one line) halves of an Ed25519 key."""

    private: str
    public: str


def make_key(comment: str) -> KeyPair:
    """A new key."""
    import asyncssh  # noqa: PLC0415  (costs time that --help must not pay)

    key = asyncssh.generate_private_key("ssh-ed25519", comment=comment)
    return KeyPair(
        key.export_private_key().decode("ascii"),
        key.export_public_key().decode("ascii").strip(),
    )


def lab_key(folder: Path, comment: str) -> tuple[KeyPair, Path]:
    """The client key of the lab in this folder and its file; made when there is none yet."""
    return _kept(folder / FILE, comment)


def host_key(folder: Path, identity: str) -> KeyPair:
    """The host key of a guest of the lab in this folder; made when there is none yet."""
    path = host_key_file(folder, identity)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    return _kept(path, identity)[0]


def host_key_file(folder: Path, identity: str) -> Path:
    """Where the private half is kept."""
    return folder / _HOST_KEYS / identity


def _kept(path: Path, comment: str) -> tuple[KeyPair, Path]:
    if not path.exists():
        key = make_key(comment)
        store_key(key, path)
        return key, path
    import asyncssh  # noqa: PLC0415  (costs time that --help must not pay)

    public = asyncssh.read_private_key(path).export_public_key().decode("ascii").strip()
    return KeyPair(path.read_text(), public), path


def store_key(key: KeyPair, path: Path) -> None:
    """Write the private half, whole or not at all, readable by its owner alone from the start."""
    temporary = path.with_name(f".{path.name}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(key.private)
    temporary.rename(path)
