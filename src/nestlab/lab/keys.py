"""Keys of one lab: a client key for the controller, a host key for every guest.

Made by the controller and put into the guests, so that every login at every level knows both ends
beforehand and no key is ever taken on trust.
"""

import os
from dataclasses import dataclass
from pathlib import Path

FILE = "id_ed25519"
"""The client key within a lab's folder."""


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
    path = folder / FILE
    if not path.exists():
        key = make_key(comment)
        return key, store_key(key, folder)
    import asyncssh  # noqa: PLC0415  (costs time that --help must not pay)

    public = asyncssh.read_private_key(path).export_public_key().decode("ascii").strip()
    return KeyPair(path.read_text(), public), path


def store_key(key: KeyPair, folder: Path) -> Path:
    """Write the private half, readable by its owner alone from the first byte."""
    path = folder / FILE
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(key.private)
    return path
