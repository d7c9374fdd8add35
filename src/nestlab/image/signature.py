"""Signatures of checksum files, verified by gpgv with a keyring that the host has."""

import base64
import re
import tempfile
from pathlib import Path

from nestlab.deadline import Deadline
from nestlab.errors import StoredDataError
from nestlab.machine.failures import last_lines
from nestlab.machine.protocol import Machine

_ARMOR = re.compile(
    rb"-----BEGIN PGP PUBLIC KEY BLOCK-----\r?\n(?:[^\r\n]+: [^\r\n]*\r?\n)*\r?\n"
    rb"(.*?)(?:\r?\n=[A-Za-z0-9+/]{4})?\r?\n-----END PGP PUBLIC KEY BLOCK-----",
    re.DOTALL,
)
_PATIENCE = 60.0

# doc/DETAILS of GnuPG: GOODSIG is good and its key neither expired nor revoked
_GOOD, _BAD = "[GNUPG:] GOODSIG ", ("[GNUPG:] BADSIG ", "[GNUPG:] ERRSIG ")


def binary_keyring(data: bytes) -> bytes:
    """A keyring as gpgv reads it: keys in text form, as RPM has them, are decoded (pure)."""
    blocks = _ARMOR.findall(data)
    return b"".join(base64.b64decode(block) for block in blocks) if blocks else data


async def signed_text(
    machine: Machine, text: bytes, signature: bytes | None, keyring: Path, *, name: str
) -> bytes:
    """What the signature covers: all of `text`, or the signed part of a clear-signed one.

    signature  the detached signature; None: the text has its own
    name       of the checksum file, for the error

    Raises StoredDataError `image.signature-bad`; MachineError `machine.no-such-program`.
    """
    with tempfile.TemporaryDirectory(prefix="nestlab-gpgv-") as temporary:
        folder = Path(temporary)
        argv = _prepare(folder, text, signature, keyring)
        done = await machine.run(argv, deadline=Deadline.after(_PATIENCE))
        if _GOOD not in done.text or any(bad in done.text for bad in _BAD):
            raise StoredDataError(
                "image.signature-bad",
                f"the signature of {name} is not by a key of {keyring}",
                hint="the server may be compromised, or the project has a new key: update the"
                " package that has the keyring",
                notes=last_lines(done.stderr),
            )
        return text if signature is not None else (folder / "covered").read_bytes()


def _prepare(folder: Path, text: bytes, signature: bytes | None, keyring: Path) -> tuple[str, ...]:
    """Files for gpgv, and its command."""
    keys, signed = folder / "keys.gpg", folder / "text"
    keys.write_bytes(binary_keyring(keyring.read_bytes()))
    signed.write_bytes(text)
    argv = ("gpgv", "--homedir", str(folder), "--keyring", str(keys), "--status-fd", "1")
    if signature is None:
        return (*argv, "--output", str(folder / "covered"), str(signed))
    (folder / "signature").write_bytes(signature)
    return (*argv, str(folder / "signature"), str(signed))
