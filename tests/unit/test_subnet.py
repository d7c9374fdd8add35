"""Subnets that collide with nothing."""

from ipaddress import IPv4Interface, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nestlab.errors import HostError
from nestlab.net.subnet import POOLS, choose_subnet

DEFAULT = IPv4Network("0.0.0.0/0")
HALVES = [IPv4Network("0.0.0.0/1"), IPv4Network("128.0.0.0/1")]
PRIVATE = [IPv4Network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")]
POOL = POOLS[0]


def networks(lowest: int) -> st.SearchStrategy[IPv4Network]:
    """Any network, half of them inside the first pool."""
    inside = st.integers(int(POOL[0]), int(POOL[-1]))
    return st.builds(
        lambda address, length: IPv4Network((address, length), strict=False),
        inside | st.integers(0, 2**32 - 1),
        st.integers(lowest, 32),
    )


def test_the_first_one_is_free_on_a_machine_without_routes() -> None:
    network = choose_subnet([])
    assert str(network.subnet) == "10.96.0.0/24"
    assert (str(network.gateway), str(network.resolver)) == ("10.96.0.2", "10.96.0.3")
    assert network.guest == IPv4Interface("10.96.0.15/24")


@given(st.lists(networks(lowest=16), max_size=12))
def test_it_never_overlaps_what_is_routed(taken: list[IPv4Network]) -> None:
    chosen = choose_subnet([DEFAULT, *taken])
    assert chosen.subnet.subnet_of(POOL)
    assert not any(chosen.subnet.overlaps(network) for network in taken)
    assert len({chosen.gateway, chosen.resolver, chosen.guest.ip}) == 3
    assert all(ip in chosen.subnet for ip in (chosen.gateway, chosen.resolver, chosen.guest.ip))


@given(st.lists(networks(lowest=16), max_size=4), st.integers(1, 6))
def test_every_level_gets_another_one(taken: list[IPv4Network], depth: int) -> None:
    given_away: list[IPv4Network] = []
    for _ in range(depth):
        given_away.append(choose_subnet([*taken, *given_away]).subnet)
    assert len(set(given_away)) == depth


def test_default_routes_do_not_count() -> None:
    assert choose_subnet([DEFAULT]) == choose_subnet([])
    assert choose_subnet([DEFAULT, *HALVES]) == choose_subnet([])  # a VPN's way to override it


@pytest.mark.parametrize(
    ("vpn", "subnet"),
    [
        ([POOL], "172.28.0.0/24"),
        (PRIVATE[:1], "172.28.0.0/24"),
        ([*HALVES, *PRIVATE[:2]], "192.168.208.0/24"),
        ([DEFAULT, *PRIVATE], "198.18.0.0/24"),
    ],
)
def test_a_vpn_that_takes_a_whole_pool(vpn: list[IPv4Network], subnet: str) -> None:
    assert str(choose_subnet(vpn).subnet) == subnet


def test_the_defaults_of_others_are_kept_away_from() -> None:
    for text in ("192.168.122.0/24", "10.0.2.0/24", "172.17.0.0/16", "172.31.0.0/16",
                 "192.168.0.0/20", "192.168.178.0/24"):  # fmt: skip
        assert not any(pool.overlaps(IPv4Network(text)) for pool in POOLS)


def test_a_taken_one_is_passed_over() -> None:
    assert str(choose_subnet([IPv4Network("10.96.0.128/25")]).subnet) == "10.96.1.0/24"
    # a large one hides the many that are in it
    assert str(choose_subnet([IPv4Network("10.96.0.0/13")]).subnet) == "10.104.0.0/24"


@pytest.mark.parametrize(
    "covering",
    [list(POOLS), [*PRIVATE, POOLS[-1]], [half for pool in POOLS for half in pool.subnets()]],
)
def test_it_is_said_that_all_pools_are_full(covering: list[IPv4Network]) -> None:
    with pytest.raises(HostError) as caught:
        choose_subnet(covering)
    assert caught.value.code == "net.no-free-subnet"
    assert all(str(pool) in caught.value.message for pool in POOLS)
    assert caught.value.hint
