"""Pings that prove networks: every size, both versions, and what is said when one fails.

The words are those of iputils 20221126 in a Debian 12 guest.
"""

import asyncio
import re

import pytest

from lan_examples import NAT, Net, laid_out
from nestlab.deadline import Deadline
from nestlab.errors import MachineError
from nestlab.machine.fake import FakeMachine, answer
from nestlab.machine.protocol import Completed
from nestlab.verify.lan import Way, check_lan, check_way, lan_ways, nat_way

HEADERS = {"-4": 28, "-6": 48}


class Network:
    """All machines' ping over one network.

    widest  bytes of the largest packet that comes through
    mtu     bytes of the largest packet that a card sends
    """

    def __init__(self, widest: int, mtu: int, dead: str = "") -> None:
        self.widest, self.mtu, self.dead = widest, mtu, dead
        self.pings: list[tuple[str, int]] = []

    def machine(self, path: str) -> FakeMachine:
        return FakeMachine(path, programs={"env": self.ping})

    def ping(self, argv: tuple[str, ...], _stdin: bytes) -> Completed:
        assert argv[:3] == ("env", "LC_ALL=C", "ping")
        assert argv[argv.index("-M") : argv.index("-M") + 2] == ("-M", "do")
        size = int(argv[argv.index("-s") + 1]) + HEADERS[argv[3]]
        self.pings.append((argv[-1], size))
        head = f"PING {argv[-1]} ({argv[-1]}) {size} bytes of data.\n"
        tail = "\n--- statistics ---\n1 packets transmitted, "
        if size > self.mtu:
            told = f"ping: local error: message too long, mtu{'=:'[argv[3] == '-6']} {self.mtu}"
            lost = "0 received, +1 errors, 100% packet loss, time 0ms\n"
            return answer(f"{head}{tail}{lost}", status=1, stderr=f"{told.replace('= ', '=')}\n")
        if size > self.widest or argv[-1] == self.dead:
            return answer(f"{head}{tail}0 received, 100% packet loss, time 0ms\n", status=1)
        return answer(f"{head}{tail}1 received, 0% packet loss, time 0ms\n")


def prove(network: Network) -> tuple[Way, ...]:
    layout = laid_out()
    machines = {path: network.machine(path) for path in layout.ports}
    return asyncio.run(check_lan(machines, layout, deadline=Deadline.after(20)))


def test_every_network_is_proved_in_three_sizes_and_both_versions() -> None:
    network = Network(1400, 1400)
    ways = prove(network)
    assert [(way.source, way.target, way.version) for way in ways] == [
        ("l1-0/l2", "l1-1", 4), ("l1-0/l2", "l1-1", 6), ("l1-0", "l1-0/l2", 4),
    ]  # fmt: skip
    for way in ways:
        sizes = [size for address, size in network.pings if address == way.address]
        assert sizes == [64, 1400, 1401]


def test_members_are_a_ring_however_many_they_are() -> None:
    tree = {f"m{number}": ("n",) for number in range(50)}
    ways = list(lan_ways(laid_out(tree, {"n": Net(ipv6=False)})))
    assert len(ways) == 50
    assert {way.source for way in ways} == {way.target for way in ways} == set(tree)
    assert list(lan_ways(laid_out({"m": ("n",)}, {"n": Net()}))) == []


def test_one_that_does_not_answer_is_named() -> None:
    dead = str(laid_out().members("storage")["l1-1"].address6).partition("/")[0]
    with pytest.raises(MachineError) as caught:
        prove(Network(1400, 1400, dead))
    assert caught.value.code == "net.unreachable"
    assert re.search(rf"l1-0/l2 .* l1-1 \({dead}\) over network storage", caught.value.message)
    assert "100% packet loss" in caught.value.notes[-1]


def test_a_way_that_is_narrower_than_its_ends() -> None:
    with pytest.raises(MachineError) as caught:
        prove(Network(1399, 1400))
    assert caught.value.code == "net.mtu-broken"
    assert "1400 bytes" in caught.value.message


@pytest.mark.parametrize("mtu", [1399, 1401, 1500])
def test_a_card_with_another_mtu(mtu: int) -> None:
    with pytest.raises(MachineError) as caught:
        prove(Network(1500, mtu))
    assert caught.value.code == "net.mtu-broken"
    assert caught.value.where == "l1-0/l2, while pinging l1-1"
    assert "`ip link`" in (caught.value.hint or "")


def test_a_ping_that_says_something_unknown_proves_nothing() -> None:
    machine = FakeMachine("l1", programs={"env": lambda _argv, _stdin: answer("all is well\n")})
    way = Way("l1", "l2", "10.96.0.10", 4, 1400, "network storage")
    with pytest.raises(MachineError) as caught:
        asyncio.run(check_way(machine, way, deadline=Deadline.after(5)))
    assert caught.value.code == "net.unreachable"
    assert caught.value.notes == ("all is well",)


def test_a_machine_without_ping() -> None:
    missing = answer(status=127, stderr="env: 'ping': No such file or directory\n")
    machine = FakeMachine("l1", programs={"env": lambda _argv, _stdin: missing})
    with pytest.raises(MachineError) as caught:
        asyncio.run(
            check_way(machine, nat_way("l1", NAT["l1-0"], 1450), deadline=Deadline.after(5))
        )
    assert caught.value.code == "net.no-ping"


def test_a_nat_is_proved_as_far_as_its_gateway() -> None:
    network = Network(1450, 1450)
    way = nat_way("l1", NAT["l1-0"], 1450)
    asyncio.run(check_way(network.machine("l1"), way, deadline=Deadline.after(5)))
    assert network.pings == [(str(NAT["l1-0"].gateway), size) for size in (64, 1450, 1451)]


def test_a_refusal_without_a_size_is_one_as_well() -> None:
    """The words of iputils 20240905 in an installed Debian 13, whose ping has a datagram socket."""

    def ping(argv: tuple[str, ...], _stdin: bytes) -> Completed:
        if int(argv[argv.index("-s") + 1]) + HEADERS["-4"] > 1350:
            lost = "1 packets transmitted, 0 received, +1 errors, 100% packet loss, time 0ms\n"
            return answer(lost, status=1, stderr="ping: sendmsg: Message too long\n")
        return answer("1 packets transmitted, 1 received, 0% packet loss, time 0ms\n")

    machine = FakeMachine("l1", programs={"env": ping})
    asyncio.run(check_way(machine, nat_way("l1", NAT["l1-0"], 1350), deadline=Deadline.after(20)))
