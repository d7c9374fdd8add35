"""How large packets may be at each level (pure).

Sources: RFC 7348 (VXLAN over IPv4 puts 50 bytes around a frame), RFC 8200 (IPv6 needs 1280 bytes),
libslirp (QEMU's user-mode network carries at most 1500).
"""

from collections.abc import Iterable

ETHERNET = 1500
"""Bytes that every Ethernet carries; taken where no way out says anything else."""

TUNNEL = 50
"""Bytes by which each level has less: so a level can put a VXLAN around its guests' frames."""

LOWEST = 1280
"""Bytes below which IPv6 does not work."""


def path_mtu(ways_out: Iterable[int]) -> int:
    """What every way out of L0 carries: `ways_out` are the MTUs of interfaces with a default route.

    Without a way out there is nothing to be kept whole beyond L0: then it is Ethernet's.
    """
    return min(ways_out, default=ETHERNET)


def mtu_at(level: int, measured: int) -> int:
    """Bytes of a packet at a level, when `measured` were found at L0."""
    return max(LOWEST, measured - TUNNEL * level)


def nat_mtu_at(level: int, measured: int) -> int:
    """The same for a guest's own NAT, which carries no more than Ethernet does."""
    return min(ETHERNET, mtu_at(level, measured))
