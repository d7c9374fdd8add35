"""The seed: what makes one guest of an image its own machine (pure)."""

import io
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass

from nestlab.image.links import link_lines
from nestlab.net.hosts import Hosts
from nestlab.net.hosts_file import FILE, hosts_block
from nestlab.net.lan import Port
from nestlab.net.subnet import GuestNetwork

_BLOCK = 4096


@dataclass(frozen=True)
class Seed:
    """A guest's name, keys and networks.

    machine_id      32 hexadecimal digits; without one systemd takes every boot for the first
    host_key        its private host key (OpenSSH format), known to the controller beforehand
    host_key_public the public half, one line
    authorized_key  the lab's client key, one line
    mtu             bytes, of its way out; None: what the card says
    ports           its cards on networks of the lab
    hosts           names of the machines that it can reach, its own among them; without any it
                    knows its host name only; None: /etc/hosts stays as it is
    """

    hostname: str
    machine_id: str
    host_key: str
    host_key_public: str
    authorized_key: str
    network: GuestNetwork
    mtu: int | None = None
    ports: tuple[Port, ...] = ()
    hosts: Hosts | None = ()

    def tar(self) -> bytes:
        """The seed disk: a tar that the guest's init unpacks over `/`, padded to whole blocks."""
        texts = (
            ("etc/hostname", f"{self.hostname}\n", 0o644),
            ("etc/machine-id", f"{self.machine_id}\n", 0o444),
            *self._hosts(),
            ("etc/resolv.conf", f"nameserver {self.network.resolver}\n", 0o644),
            ("etc/ssh/ssh_host_ed25519_key", self.host_key, 0o600),
            ("etc/ssh/ssh_host_ed25519_key.pub", f"{self.host_key_public}\n", 0o644),
            ("root/.ssh/authorized_keys", f"{self.authorized_key}\n", 0o600),
            ("run/nestlab/network", self._network(), 0o644),
            ("run/nestlab/links", link_lines(self.network, self.mtu, self.ports), 0o644),
            *self._bridges(),
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

    def _hosts(self) -> Iterator[tuple[str, str, int]]:
        """None for a disk that was there before: the file may have lines of the user's by now."""
        if self.hosts is not None:
            own = self.hosts or (("127.0.1.1", (self.hostname,)),)
            local = "127.0.0.1 localhost\n::1 ip6-localhost\n"
            yield (FILE.lstrip("/"), local + hosts_block(own), 0o644)

    def _network(self) -> str:
        """Variables for init: a card is known by its address, in whatever order it is found."""
        cards = "".join(f" {port.mac}={port.lan.card}" for port in self.ports)
        modules = "bridge tun" if any(port.bridge for port in self.ports) else ""
        return f"NAME={self.hostname}\nCARDS='{cards} '\nMODULES='{modules}'\n"

    def _bridges(self) -> Iterator[tuple[str, str, int]]:
        """What QEMU's bridge helper lets the guest's own guests into."""
        allowed = "".join(f"allow {port.bridge}\n" for port in self.ports if port.bridge)
        if allowed:
            yield ("etc/qemu/bridge.conf", allowed, 0o644)
