"""Who is on which network, with which addresses."""

from ipaddress import IPv4Interface, IPv4Network, IPv6Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lan_examples import LAB, NETS, SOCKETS, Net, laid_out
from nestlab.errors import HostError, UsageError
from nestlab.net.lan import Lan, Layout
from nestlab.net.layout import lay_out
from nestlab.net.mtu import LOWEST, mtu_at, nat_mtu_at, path_mtu

NAMES = ("a", "b", "c")
WANTED = {name: Net() for name in NAMES}


@st.composite
def trees(draw: st.DrawFn) -> dict[str, tuple[str, ...]]:
    """Parents before children, each on some of the networks."""
    paths: list[str] = []
    for number in range(draw(st.integers(1, 12))):
        parent = draw(st.sampled_from([None, *paths]))
        paths.append(f"{parent}/m{number}" if parent else f"m{number}")
    networks = st.lists(st.sampled_from(NAMES), unique=True).map(tuple)
    return {path: draw(networks) for path in sorted(paths)}


def known(layout: Layout) -> dict[tuple[str, str], IPv4Interface]:
    """What a lab's state would remember."""
    return {
        (port.lan.name, path): port.address
        for path, ports in layout.ports.items()
        for port in ports
        if port.address
    }


def test_a_machine_has_a_card_on_its_networks_and_on_those_of_its_guests() -> None:
    ports = laid_out().ports
    assert {path: [port.lan.name for port in each] for path, each in ports.items()} == {
        "l1-0": ["storage", "tenant"],
        "l1-0/l2": ["storage", "tenant"],
        "l1-0/l2/l3": [],
        "l1-1": ["storage"],
        "l1-1/l2": [],
    }
    carried, own = ports["l1-0"]
    assert (carried.address, carried.address6, carried.bridge) == (None, None, "br-storage")
    assert (str(own.address), own.address6, own.bridge) == ("10.97.10.10/24", None, "br-tenant")


def test_cards_of_the_first_level_are_in_switches_those_below_in_bridges() -> None:
    ports = laid_out().ports
    assert [port.uplink for port in ports["l1-0"]] == [
        *(f"{SOCKETS}/storage.net", f"{SOCKETS}/tenant.net"),
    ]
    assert [port.uplink for port in ports["l1-0/l2"]] == ["br-storage", "br-tenant"]
    assert [port.on_switch for port in (ports["l1-0"][0], ports["l1-0/l2"][0])] == [True, False]
    assert [port.bridge for port in ports["l1-0/l2"]] == [None, None]


def test_addresses_begin_at_ten_and_ipv6_ends_alike() -> None:
    members = laid_out().members("storage")
    assert {path: str(port.address) for path, port in members.items()} == {
        "l1-0/l2": "10.96.0.10/24",
        "l1-1": "10.96.0.11/24",
    }
    found = [port.address6 for port in members.values()]
    assert [str(each).rpartition("::")[2] for each in found] == ["a/64", "b/64"]
    assert all(each and each.network.subnet_of(IPv6Network("fd00::/8")) for each in found)


def test_another_lab_has_another_prefix() -> None:
    ours, other = (
        lay_out(lab, {"l1": ("a",)}, {"a": Net()}, taken=(), mtu=1500, sockets="/s").lans["a"]
        for lab in (LAB, "ffffffffff")
    )
    assert ours.subnet6 != other.subnet6


@given(trees())
def test_no_address_is_given_twice(tree: dict[str, tuple[str, ...]]) -> None:
    layout = laid_out(tree, WANTED)
    assert layout == laid_out(tree, WANTED)
    ports = [port for each in layout.ports.values() for port in each]
    addresses = [port.address for port in ports if port.address]
    assert len(addresses) == len(set(addresses)) == sum(map(len, tree.values()))
    assert len({port.mac for port in ports}) == len(ports)
    for port in ports:
        first = int(port.mac[:2], 16)
        assert first & 2  # locally administered
        assert not first & 1  # one card, not a group
        if port.address:
            assert port.address.ip in port.lan.subnet
            assert port.address6
            assert port.address6.ip in (port.lan.subnet6 or ())


@given(trees())
def test_every_member_is_wired_to_the_switch(tree: dict[str, tuple[str, ...]]) -> None:
    layout = laid_out(tree, WANTED)
    for path, names in tree.items():
        for name in names:
            here = path
            while (parent := here.rpartition("/")[0]) != "":
                port = next(each for each in layout.ports[here] if each.lan.name == name)
                above = next(each for each in layout.ports[parent] if each.lan.name == name)
                assert port.uplink == above.bridge
                here = parent
            top = next(each for each in layout.ports[here] if each.lan.name == name)
            assert top.on_switch


@given(trees(), st.data())
def test_whoever_was_there_keeps_everything(
    tree: dict[str, tuple[str, ...]], data: st.DataObject
) -> None:
    """A machine is added, and L0 has routes that it had not before."""
    before = laid_out(tree, WANTED)
    parent = data.draw(st.sampled_from([None, *tree]))
    added = f"{parent}/a-new-one" if parent else "a-new-one"
    more = dict(sorted({**tree, added: NAMES}.items()))
    routes = [lan.subnet for lan in before.lans.values() if before.members(lan.name)]
    after = laid_out(more, WANTED, known=known(before), taken=routes)
    for (name, path), address in known(before).items():
        ours = after.members(name)[path]
        assert ours.address == address
        assert ours.mac == before.members(name)[path].mac


def test_what_was_known_is_forgotten_when_it_does_not_fit_any_more() -> None:
    tree = {"a": ("n",), "b": ("n",)}
    wrong = {
        ("n", "a"): IPv4Interface("10.1.0.10/24"),  # the subnet is another now
        ("n", "b"): IPv4Interface("10.2.0.0/24"),  # no host
        ("other", "a"): IPv4Interface("10.2.0.77/24"),
    }
    nets = {"n": Net(IPv4Network("10.2.0.0/24"))}
    found = known(laid_out(tree, nets, known=wrong))
    assert [str(each) for each in found.values()] == ["10.2.0.10/24", "10.2.0.11/24"]
    twice = dict.fromkeys([("n", "a"), ("n", "b")], IPv4Interface("10.2.0.50/24"))
    found = known(laid_out(tree, nets, known=twice))
    assert [str(each) for each in found.values()] == ["10.2.0.50/24", "10.2.0.10/24"]


def test_a_small_subnet_is_used_to_the_last_address() -> None:
    nets = {"n": Net(IPv4Network("10.2.0.0/29"))}
    tree = {f"m{number}": ("n",) for number in range(6)}
    addresses = {str(each.ip) for each in known(laid_out(tree, nets)).values()}
    assert addresses == {f"10.2.0.{number}" for number in range(1, 7)}
    with pytest.raises(UsageError) as caught:
        laid_out({**tree, "m6": ("n",)}, nets)
    assert caught.value.code == "net.subnet-too-small"
    assert "/28" in (caught.value.hint or "")


def test_a_network_of_many_machines_gets_a_larger_subnet() -> None:
    for count, prefix in ((254, 24), (255, 23), (1000, 22)):
        tree = {f"m{number}": ("n",) for number in range(count)}
        layout = laid_out(tree, {"n": Net()})
        assert layout.lans["n"].subnet.prefixlen == prefix
        assert len(known(layout)) == len(set(known(layout).values())) == count


def test_a_subnet_that_is_routed_here() -> None:
    nets = {"n": Net(IPv4Network("10.2.0.0/24"))}
    default = IPv4Network("0.0.0.0/0")
    laid_out({"a": ("n",)}, nets, taken=[default, IPv4Network("10.3.0.0/16")])
    with pytest.raises(HostError) as caught:
        laid_out({"a": ("n",)}, nets, taken=[default, IPv4Network("10.2.0.0/16")])
    assert caught.value.code == "net.subnet-taken"
    assert "10.2.0.0/16 is routed" in caught.value.message


def test_two_networks_of_one_subnet() -> None:
    nets = {"n": Net(IPv4Network("10.2.0.0/16")), "m": Net(IPv4Network("10.2.3.0/24"))}
    with pytest.raises(UsageError) as caught:
        laid_out({"a": ("n",)}, nets)
    assert caught.value.code == "net.subnets-overlap"
    assert "10.2.0.0/16" in caught.value.message


def test_chosen_subnets_keep_away_from_everything() -> None:
    nets = {"free": Net(), "own": Net(IPv4Network("10.96.1.0/24")), "free-too": Net()}
    lans = laid_out({"a": ("free",)}, nets, taken=[IPv4Network("10.96.0.0/24")]).lans
    assert [str(lan.subnet) for lan in lans.values()] == [
        *("10.96.2.0/24", "10.96.1.0/24", "10.96.3.0/24"),
    ]


def test_interfaces_have_names_that_linux_takes_and_that_differ() -> None:
    names = ("n", "storage", "a" * 12, "storage-network-1", "storage-network-2", "a" * 31)
    lans = [Lan(name, IPv4Network("10.0.0.0/24"), None, 1500) for name in names]
    made = [lan.bridge for lan in lans] + [lan.card for lan in lans]
    assert all(len(name) <= 15 for name in made)
    assert len(set(made)) == len(made)
    assert made[:3] == ["br-n", "br-storage", "br-aaaaaaaaaaaa"]
    assert (made[6], made[7]) == ("lan-n", "lan-storage")


def test_the_deepest_member_decides_how_large_packets_are() -> None:
    lans = laid_out().lans
    assert (lans["storage"].mtu, lans["tenant"].mtu) == (1400, 1400)
    flat = laid_out({"a": ("storage",)})
    assert (flat.lans["storage"].mtu, flat.lans["tenant"].mtu) == (1450, 1450)
    assert {port.lan.mtu for each in laid_out(mtu=9000).ports.values() for port in each} == {8900}


@given(st.integers(576, 65535), st.integers(1, 50))
def test_each_level_has_room_for_a_tunnel_until_ipv6_would_not_work(mtu: int, level: int) -> None:
    outer, inner = mtu_at(level, mtu), mtu_at(level + 1, mtu)
    assert inner >= LOWEST
    assert inner == LOWEST or outer - inner == 50
    assert nat_mtu_at(level, mtu) == min(1500, outer)


def test_the_narrowest_way_out_counts() -> None:
    assert path_mtu([9000, 1400, 1500]) == 1400
    assert path_mtu([]) == 1500


def test_the_lab_file_s_networks_fit() -> None:
    from nestlab.spec.models import Network

    lans = laid_out({"a": ("n",)}, {"n": Network.model_validate({"ipv6": False})}).lans
    assert lans["n"].subnet6 is None
    assert NETS["storage"].ipv6
