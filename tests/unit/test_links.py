"""What a guest's seed and init make of its networks."""

import dataclasses
import re
import subprocess
from importlib.resources import files
from pathlib import Path

import pytest

from lan_examples import laid_out
from nestlab.image.links import link_lines
from nestlab.net.hosts_file import hosts_block
from nestlab.net.lan import Port
from nestlab.net.subnet import GuestNetwork
from plan_examples import L1
from test_recipe import SEED, unpacked

BOTH = laid_out().ports["l1-0"]
"""Storage is only carried, tenant is its own too."""


def lines(mtu: int | None, *ports: Port, network: GuestNetwork = L1.network) -> list[str]:
    return link_lines(network, mtu, ports).splitlines()


def test_the_way_out_comes_first() -> None:
    assert lines(1450) == [
        "link set lo up",
        "address add 10.96.0.15/24 dev eth0",
        "link set eth0 mtu 1450",
        "link set eth0 up",
        "route add default via 10.96.0.2",
    ]
    assert lines(1450, *BOTH)[:5] == lines(1450)
    assert [line for line in lines(1450) if line not in lines(None)] == ["link set eth0 mtu 1450"]


def test_a_network_that_is_only_carried_has_a_bridge_without_addresses() -> None:
    port = BOTH[0]
    assert lines(None, port)[4:] == [
        f"link add name br-storage address {port.mac} type bridge stp_state 0 mcast_snooping 0",
        "link set lan-storage mtu 1400 addrgenmode none",
        "link set lan-storage master br-storage",
        "link set lan-storage up",
        "link set br-storage mtu 1400 addrgenmode none",
        "link set br-storage up",
    ]


def test_the_address_of_a_machine_with_guests_on_a_network_is_the_bridge_s() -> None:
    made = lines(None, BOTH[1])
    assert "address add 10.97.10.10/24 dev br-tenant" in made
    assert "link set br-tenant mtu 1400" in made
    assert not any(line.startswith("address") and "lan-tenant" in line for line in made)


def test_without_guests_on_it_the_address_is_the_card_s() -> None:
    port = laid_out().ports["l1-1"][0]
    assert lines(None, port)[4:] == [
        "link set lan-storage mtu 1400",
        f"address add {port.address} dev lan-storage",
        f"address add {port.address6} dev lan-storage nodad",
        "link set lan-storage up",
    ]


def test_the_seed_says_all_of_it() -> None:
    seed = dataclasses.replace(
        SEED,
        mtu=1450,
        ports=BOTH,
        hosts=(("10.97.10.10", ("l2.l1.seed", "l2")), ("10.96.1.2", ("l1.seed", "parent"))),
    )
    found = unpacked(seed.tar())
    storage, tenant = BOTH
    assert found["run/nestlab/network"][1] == (
        f"NAME=l2\nCARDS=' {storage.mac}=lan-storage {tenant.mac}=lan-tenant '\n"
        "MODULES='bridge tun'\n"
    )
    assert found["run/nestlab/links"][1] == link_lines(SEED.network, 1450, BOTH)
    assert found["etc/qemu/bridge.conf"][1] == "allow br-storage\nallow br-tenant\n"
    assert found["etc/hosts"][1].splitlines() == [
        *("127.0.0.1 localhost", "::1 ip6-localhost"),
        *hosts_block(seed.hosts or ()).splitlines(),
    ]


def test_a_disk_that_was_there_keeps_its_names() -> None:
    """The user may have written some of them; ours are told it over its shell."""
    assert "etc/hosts" not in unpacked(dataclasses.replace(SEED, hosts=None).tar())


def test_a_seed_without_networks() -> None:
    found = unpacked(SEED.tar())
    assert "etc/qemu/bridge.conf" not in found
    assert found["run/nestlab/network"][1] == "NAME=l2\nCARDS=' '\nMODULES=''\n"
    assert "127.0.1.1 l2\n" in found["etc/hosts"][1]


@pytest.fixture
def cards(tmp_path: Path) -> Path:
    """A copy of /sys/class/net, where the kernel found the cards the other way round."""
    for name, mac in (("lo", "00:00:00:00:00:00"), ("eth0", "52:54:00:12:34:56"),
                      ("eth1", BOTH[1].mac), ("eth2", BOTH[0].mac)):  # fmt: skip
        (tmp_path / name).mkdir()
        (tmp_path / name / "address").write_text(f"{mac}\n")
    return tmp_path


def named(cards: Path, variables: str) -> list[str]:
    """Run the function of init that names cards, over another folder."""
    init = files("nestlab.image").joinpath("debian", "init").read_text()
    function = re.search(r"^name_cards\(\) \{\n.*?^\}$", init, re.MULTILINE | re.DOTALL)
    assert function
    assert "/sys/class/net/" in function[0]
    script = function[0].replace("/sys/class/net/", f"{cards}/")
    argv = ["sh", "-euc", f"{variables}\n{script}\nname_cards"]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.splitlines()


def test_init_knows_cards_by_their_addresses(cards: Path) -> None:
    seed = dataclasses.replace(SEED, ports=BOTH)
    variables = unpacked(seed.tar())["run/nestlab/network"][1]
    assert named(cards, variables) == [
        "link set eth1 name lan-tenant",
        "link set eth2 name lan-storage",
    ]


def test_init_leaves_other_cards_alone(cards: Path) -> None:
    assert named(cards, unpacked(SEED.tar())["run/nestlab/network"][1]) == []
