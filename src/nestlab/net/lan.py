"""Networks that machines of a lab share, and a machine's place on one (pure, frozen)."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv4Network, IPv6Interface, IPv6Network

_LONGEST = 15
"""Characters of an interface's name (Linux, IFNAMSIZ)."""


@dataclass(frozen=True)
class Lan:
    """One network: what is spoken on it.

    subnet6  a prefix of the lab's own (RFC 4193), or None where IPv6 was not wanted
    mtu      bytes, the same on every card and bridge of the network
    """

    name: str
    subnet: IPv4Network
    subnet6: IPv6Network | None
    mtu: int

    @property
    def card(self) -> str:
        """The name of the card in every machine that is on the network, or carries it."""
        return _interface("lan-", self.name)

    @property
    def bridge(self) -> str:
        """The name of the bridge in every machine whose guests are on the network."""
        return _interface("br-", self.name)


@dataclass(frozen=True)
class Port:
    """A machine's card on a network.

    address   None when the machine only carries the network to its guests
    bridge    the bridge that carries the network to its guests, or None when none of them is on it
    uplink    what the card is plugged into on the parent: a switch's socket, which is an absolute
              path, or a bridge
    """

    lan: Lan
    mac: str
    address: IPv4Interface | None
    address6: IPv6Interface | None
    bridge: str | None
    uplink: str

    @property
    def on_switch(self) -> bool:
        """Whether it is plugged into a switch process; otherwise into a bridge."""
        return self.uplink.startswith("/")


@dataclass(frozen=True)
class Layout:
    """All networks of a lab, and the ports of all its machines.

    lans   by name, in the order of the lab file
    ports  by machine; each machine's are in that order too
    """

    lans: Mapping[str, Lan]
    ports: Mapping[str, tuple[Port, ...]]

    def members(self, lan: str) -> dict[str, Port]:
        """The machines that have an address on a network, in the order of the tree."""
        return {
            path: port
            for path, ports in self.ports.items()
            for port in ports
            if port.lan.name == lan and port.address is not None
        }


def _interface(prefix: str, name: str) -> str:
    """At most 15 characters; a long name ends in digits of its own, behind a `_` no name has."""
    room = _LONGEST - len(prefix)
    if len(name) <= room:
        return prefix + name
    digits = hashlib.sha256(name.encode()).hexdigest()[:6]
    return f"{prefix}{name[: room - 7]}_{digits}"
