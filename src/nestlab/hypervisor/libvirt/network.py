"""libvirt's own `default` network in a guest of a lab, kept off the addresses of its ancestors.

It is 192.168.122.0/24 wherever libvirt is installed, so that in a guest of a guest the nearer one
hides the farther. It gets another subnet before the first guest can have an address in it.
"""

from collections.abc import Iterable
from ipaddress import AddressValueError, IPv4Interface, IPv4Network, NetmaskValueError

from lxml import etree

from nestlab.domain.document import parse_document
from nestlab.libvirt.virsh import Virsh
from nestlab.net.subnet import free_subnet, is_free

DEFAULT = "default"


async def move_default(virsh: Virsh, taken: Iterable[IPv4Network]) -> IPv4Network | None:
    """Give the network `default` a free subnet where it would collide; returns that, or None.

    taken  what the machine's ancestors route, and what the lab has given away

    One that runs is left alone: guests may have addresses in it. Raises HostError
    `net.no-free-subnet`; HostError and MachineError `libvirt.*`.
    """
    known = list(taken)
    done = await virsh.run("net-dumpxml", DEFAULT, "--inactive")
    if not done.ok or not collides(done.stdout, known):
        return None
    active = await virsh.said("net-list", "--name")
    if DEFAULT.encode() in active.split():
        return None
    subnet = free_subnet(known)
    xml = with_subnet(done.stdout, subnet)
    await virsh.said("net-define", "/dev/stdin", stdin=xml)
    return subnet


def collides(xml: bytes, taken: Iterable[IPv4Network]) -> bool:
    """Whether a network's IPv4 addresses overlap any of these (pure)."""
    known = list(taken)
    return any(not is_free(subnet, known) for subnet in _subnets(_parsed(xml)))


def with_subnet(xml: bytes, subnet: IPv4Network) -> bytes:
    """The same network with its first IPv4 subnet replaced, and its DHCP range with it (pure)."""
    network = _parsed(xml)
    address = next(each for each in network.iter("ip") if each.get("family", "ipv4") == "ipv4")
    address.attrib.pop("prefix", "")
    address.set("address", str(subnet[1]))
    address.set("netmask", str(subnet.netmask))
    for old in address.findall("dhcp/range"):
        old.set("start", str(subnet[2]))
        old.set("end", str(subnet[-2]))
    return etree.tostring(network, encoding="utf-8")


def _subnets(network: etree._Element) -> list[IPv4Network]:
    found = []
    for each in network.iter("ip"):
        size = each.get("netmask") or each.get("prefix") or "32"
        try:
            found.append(IPv4Interface(f"{each.get('address')}/{size}").network)
        except (AddressValueError, NetmaskValueError, ValueError):
            continue  # IPv6
    return found


def _parsed(xml: bytes) -> etree._Element:
    return parse_document(xml, DEFAULT).root
