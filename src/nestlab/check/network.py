"""Networks: libvirt's default subnet, and the MTU on the way out."""

from ipaddress import IPv4Network

from nestlab.check.rule import Rule, Seen, rule
from nestlab.facts.model import Facts

_DEFAULT = IPv4Network("192.168.122.0/24")


@rule(
    "network.default-taken",
    meaning="192.168.122.0/24 is routed here already.",
    why="libvirt in a guest takes the same subnet by default: the guest then loses its network.",
    remedy="Give libvirt of the next level another subnet; nestlab allocates one per level.",
    source="RamenDR issue 1297; virt-lightning issue 370; libvirt: network XML format",
)
def default_taken(facts: Facts) -> Seen | None:
    """Any route into it but the default one."""
    if facts.routes is None:
        return None
    taken = [route for route in facts.routes if route.prefixlen and route.overlaps(_DEFAULT)]
    if not taken:
        return Seen("ok", "192.168.122.0/24 is free")
    return Seen(
        "warning",
        f"{taken[0]} is routed here: libvirt's default network of a guest would collide with it",
        "in the guest: `sudo virsh net-edit default`, choose another subnet, then"
        " `sudo virsh net-destroy default && sudo virsh net-start default`",
    )


@rule(
    "network.mtu",
    meaning="The way out has another MTU than 1500.",
    why="Guests assume 1500: with less, ping works and ssh hangs; each tunnel takes some more.",
    remedy="Lower the MTU of guests to that of the path, at every level.",
    source="melange pull request 2411; lxd issue 11063; RFC 2923",
)
def mtu(facts: Facts) -> Seen | None:
    """In bytes, of the interfaces with the default route."""
    ways = [each for each in facts.interfaces or () if each.default]
    odd = next((each for each in ways if each.mtu != 1500), None)
    if odd is None:
        return Seen("ok", "the MTU of the way out is 1500") if ways else None
    what = f"{odd.name}, the way out, has an MTU of {odd.mtu}"
    if odd.mtu < 1500:
        advice = f"give guests an MTU of at most {odd.mtu} (libvirt: `<mtu size='{odd.mtu}'/>`)"
        return Seen("warning", f"{what}: larger packets of guests get lost", advice)
    return Seen("info", f"{what}: guests may use as much, but not beyond this network", "")


RULES: tuple[Rule, ...] = (default_taken, mtu)
