"""Choosing subnets against everything that is already routed."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

from nestlab.errors import HostError

POOLS = tuple(
    IPv4Network(pool)
    for pool in ("10.96.0.0/12", "172.28.0.0/15", "192.168.208.0/20", "198.18.0.0/15")
)
"""Where nestlab takes its subnets from, best first: private (RFC 1918), away from the defaults of
libvirt (192.168.122.0/24), slirp (10.0.2.0/24), docker (172.17.0.0/16 and upwards), clouds
(172.31.0.0/16) and most home routers. A VPN may route all of RFC 1918: so the last one is for
benchmarks of networks (RFC 2544), which nobody routes."""

_DEFAULT_ROUTE = 1
"""Longest prefix of a default route: VPNs split 0.0.0.0/0 in two halves to override it."""


@dataclass(frozen=True)
class GuestNetwork:
    """One guest's own user-mode network: the guest, its gateway and its resolver."""

    subnet: IPv4Network

    @property
    def gateway(self) -> IPv4Address:
        """The parent as the guest sees it."""
        return self.subnet[2]

    @property
    def resolver(self) -> IPv4Address:
        """The DNS forwarder inside QEMU's user-mode network."""
        return self.subnet[3]

    @property
    def guest(self) -> IPv4Interface:
        """The guest's address with its prefix length."""
        return IPv4Interface((self.subnet[15], self.subnet.prefixlen))


def choose_subnet(taken: Iterable[IPv4Network]) -> GuestNetwork:
    """A guest's own /24 that overlaps nothing in `taken`. Raises HostError `net.no-free-subnet`.

    `taken` is what every ancestor routes plus what the lab has already given away: the seed
    document's guests collided because both libvirts default to 192.168.122.0/24.
    """
    return GuestNetwork(free_subnet(taken))


def free_subnet(taken: Iterable[IPv4Network], prefix: int = 24) -> IPv4Network:
    """The first subnet of the pools that overlaps nothing in `taken` (default routes aside).

    Raises HostError `net.no-free-subnet`.
    """
    routed = tuple(taken)
    for candidate in _candidates(prefix):
        if is_free(candidate, routed):
            return candidate
    raise HostError(
        "net.no-free-subnet",
        f"every /{prefix} of {', '.join(map(str, POOLS))} is already routed",
        hint="remove a route that covers one of them: `ip route` lists them",
    )


def is_free(subnet: IPv4Network, taken: Iterable[IPv4Network]) -> bool:
    """Whether it overlaps nothing in `taken`, default routes aside."""
    return not any(subnet.overlaps(network) for network in taken if not is_default(network))


def is_default(route: IPv4Network) -> bool:
    """Whether it is a way to everywhere, which takes no address away from us."""
    return route.prefixlen <= _DEFAULT_ROUTE


def _candidates(prefix: int) -> Iterator[IPv4Network]:
    for pool in POOLS:
        yield from pool.subnets(new_prefix=prefix)
