"""Networks that the machine routes, and its interfaces."""

import re
import sys

from nestlab.facts.probe.processor import arch
from nestlab.facts.probe.report import UntoldError
from nestlab.facts.probe.source import BIG, Source

PRIVATE = (
    # RFC 1918, RFC 6598, RFC 3927: networks that everybody has
    (0x0A000000, 8), (0xAC100000, 12), (0xC0A80000, 16), (0x64400000, 10), (0xA9FE0000, 16),
)  # fmt: skip


def routes(source: "Source") -> "list[str]":
    """IPv4 networks that this machine routes, in CIDR notation.

    Anonymous: the default route and private networks only.
    """
    networks = []  # type: list[str]
    for _, address, length in route_table(source):
        told = length == 0 or any(
            length >= bits and address >> (32 - bits) == network >> (32 - bits)
            for network, bits in PRIVATE
        )
        if told or not source.anonymous:
            octets = (address >> 24, address >> 16 & 255, address >> 8 & 255, address & 255)
            networks.append("%d.%d.%d.%d/%d" % (*octets, length))
    if len(networks) > 65536:
        raise UntoldError("%d routes" % len(networks))
    return networks


def route_table(source: "Source") -> "list[tuple[str, int, int]]":
    """Interface, destination and prefix length of each line of /proc/net/route.

    The kernel prints the address as a number in the byte order of its processor.
    Raises OSError; ValueError when a line is cut or names no network.
    """
    order = sys.byteorder
    if source.offline:
        try:
            order = "big" if arch(source) in {"s390x", "ppc64"} else "little"
        except (OSError, ValueError):
            order = "little"
    lines = source.text("/proc/net/route", BIG).splitlines()
    if not lines or not lines[0].startswith("Iface"):
        raise UntoldError("/proc/net/route has no heading")
    found = []  # type: list[tuple[str, int, int]]
    for line in lines[1:]:
        columns = line.split()
        if len(columns) < 8 or len(columns[1]) != 8 or len(columns[7]) != 8:
            raise UntoldError("/proc/net/route has a line that was cut")
        address, mask = (
            int.from_bytes(bytes.fromhex(columns[index]), "big" if order == "big" else "little")
            for index in (1, 7)
        )
        inverse = ~mask & 0xFFFFFFFF
        if inverse & (inverse + 1) or address & inverse:
            raise UntoldError("/proc/net/route has a line that is no network")
        found.append((columns[0], address, 32 - bin(inverse).count("1")))
    return found


def interfaces(source: "Source") -> "list[dict[str, object]]":
    """Network interfaces, and whether a route with destination and mask 0 leaves by it."""
    try:
        default = {name for name, _, length in route_table(source) if length == 0}
    except (FileNotFoundError, NotADirectoryError):
        default = set()  # without IPv4 there is no IPv4 route
    found = []  # type: list[dict[str, object]]
    for name in source.names("/sys/class/net"):
        mtu = source.setting_or("/sys/class/net/%s/mtu" % name, "")
        if re.match(r"\d{1,9}\Z", mtu):
            found.append({"name": name, "mtu": int(mtu), "default": name in default})
    return found
