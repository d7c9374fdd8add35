"""What is answered to every installer alike: the model that all answer files are made from (pure).

Everything in it has been checked to be harmless where it is written: names, packages and keys have
no quotes, blanks or line ends that an answer file or a shell could take for its own.
"""

import re
from dataclasses import dataclass
from typing import Literal, get_args

from nestlab.errors import UsageError
from nestlab.units import GIB, MIB, format_size

FileSystem = Literal["ext4", "xfs", "btrfs"]
FILE_SYSTEMS: tuple[FileSystem, ...] = get_args(FileSystem)

SMALLEST_DISK = 4 * GIB
"""Bytes below which no installer of these gets to its end."""

DEVICE = "/dev/vda"
"""The one disk that there is: QEMU's virtio-blk."""

CONSOLE = ("console=tty0", "console=ttyS0,115200")
"""Both consoles; the last one is /dev/console (kernel's serial-console.rst)."""

DONE = "nestlab: installed"
"""Printed on the console by the last command of each answer file."""

_HOST = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_USER = re.compile(r"[a-z][a-z0-9_-]{0,30}")
_PACKAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+_:-]{0,127}")
# sshd(8), AUTHORIZED_KEYS FILE FORMAT: type, base64, comment; no options in front
_KEY = re.compile(
    r"(ssh-(rsa|ed25519)|ecdsa-sha2-nistp(256|384|521)|sk-(ssh-ed25519|ecdsa-sha2-nistp256)"
    r"@openssh\.com) [A-Za-z0-9+/]{16,}={0,3}( [A-Za-z0-9@._+:/=-]{1,128})?"
)


@dataclass(frozen=True)
class Mirror:
    """Where packages come from.

    served  URL as the installer sees it, without a slash at its end
    kept    (URL, suffix of the release) for apt of the installed system, such as
            `("http://…", "-updates")`; none: what the installer wrote stays
    """

    served: str
    kept: tuple[tuple[str, str], ...] = ()
    components: str = "main"


@dataclass(frozen=True)
class Answers:
    """One installation.

    user      who can log in by key and become root; there is no password anywhere
    keys      lines of authorized_keys; none: the account waits for the seed of a lab
    swap      bytes of a partition in front of the root; 0: none
    packages  besides those that every image needs
    mirror    None: the installer's own
    """

    hostname: str
    user: str
    keys: tuple[str, ...] = ()
    filesystem: FileSystem = "ext4"
    swap: int = 0
    packages: tuple[str, ...] = ()
    mirror: Mirror | None = None


def checked(answers: Answers, *, disk: int) -> Answers:
    """The same answers. disk: bytes.

    Raises UsageError `install.answers` for what cannot be written into an answer file, and for a
    disk that is too small.
    """
    for what, text, pattern in (
        ("host name", answers.hostname, _HOST),
        ("user", answers.user, _USER),
        *(("package", package, _PACKAGE) for package in answers.packages),
        *(("SSH key", key, _KEY) for key in answers.keys),
    ):
        if not pattern.fullmatch(text):
            raise _wrong(f"{text[:80]!r} cannot be a {what}", _HINTS[what])
    if answers.user == "root":
        raise _wrong("the user cannot be root", "root is entered by the key of a lab in any case")
    if answers.swap and answers.swap < MIB:
        raise _wrong("swap is less than 1 MiB", "leave it out, or give it a size such as 512MiB")
    if disk - answers.swap < SMALLEST_DISK:
        raise _wrong(
            f"a disk of {format_size(disk)} with {format_size(answers.swap)} of swap is too small",
            f"leave {format_size(SMALLEST_DISK)} for the root file system; only what is written"
            " takes space",
        )
    return answers


def read_keys(text: str) -> tuple[str, ...]:
    """Lines of a `.pub` or `authorized_keys` file that are keys; comments are left out."""
    lines = (line.strip() for line in text.splitlines())
    return tuple(line for line in lines if line and not line.startswith("#"))


_HINTS = {
    "host name": "small letters, digits and hyphens, at most 63",
    "user": "--user with small letters, digits, _ and -, at most 31",
    "package": "--package with the name of one package",
    "SSH key": "--ssh-key with a public key: `ssh-ed25519 AAAA… name`, or the file that has it",
}


def _wrong(message: str, hint: str) -> UsageError:
    return UsageError("install.answers", message, hint=hint)
