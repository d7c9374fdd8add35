"""The seed: what makes one guest of an image its own machine (pure)."""

import io
import tarfile
from dataclasses import dataclass

from nestlab.net.subnet import GuestNetwork

_BLOCK = 4096


@dataclass(frozen=True)
class Seed:
    """A guest's name, keys and address.

    machine_id      32 hexadecimal digits; without one systemd takes every boot for the first
    host_key        its private host key (OpenSSH format), known to the controller beforehand
    host_key_public the public half, one line
    authorized_key  the lab's client key, one line
    """

    hostname: str
    machine_id: str
    host_key: str
    host_key_public: str
    authorized_key: str
    network: GuestNetwork

    def tar(self) -> bytes:
        """The seed disk: a tar that the guest's init unpacks over `/`, padded to whole blocks."""
        net = self.network
        texts = (
            ("etc/hostname", f"{self.hostname}\n", 0o644),
            ("etc/machine-id", f"{self.machine_id}\n", 0o444),
            ("etc/hosts", f"127.0.0.1 localhost\n127.0.1.1 {self.hostname}\n", 0o644),
            ("etc/resolv.conf", f"nameserver {net.resolver}\n", 0o644),
            ("etc/ssh/ssh_host_ed25519_key", self.host_key, 0o600),
            ("etc/ssh/ssh_host_ed25519_key.pub", f"{self.host_key_public}\n", 0o644),
            ("root/.ssh/authorized_keys", f"{self.authorized_key}\n", 0o600),
            (
                "run/nestlab/network",
                f"NAME={self.hostname}\nADDRESS={net.guest}\nGATEWAY={net.gateway}\n",
                0o644,
            ),
        )
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            folder = tarfile.TarInfo("root/.ssh")
            folder.type, folder.mode = tarfile.DIRTYPE, 0o700
            tar.addfile(folder)
            for path, text, mode in texts:
                entry = tarfile.TarInfo(path)
                entry.size, entry.mode = len(text.encode()), mode
                tar.addfile(entry, io.BytesIO(text.encode()))
        data = buffer.getvalue()
        return data + bytes(-len(data) % _BLOCK)
