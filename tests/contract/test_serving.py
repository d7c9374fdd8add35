"""iperf3 between two ends, with the server on every kind of real machine; nothing is left there."""

import asyncio
import shutil
from pathlib import Path

import pytest

from machine_worlds import Subject, World, soon
from nestlab.bench.peer import Neighbour, peer_for, serving
from nestlab.errors import WorkloadError
from nestlab.workload.iperf3 import Iperf3
from nestlab.workload.protocol import Argv, Case, Envelope

pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, ("iperf3", "taskset"))), reason="no iperf3 here"
)

IPERF3 = Iperf3(seconds=1, streams=(1,))
FORWARD, REVERSE, *_ = IPERF3.cases(vcpus=1, queue_cpus=1)


async def ends(on: Subject, case: Case, address: str) -> tuple[Argv, Argv, int]:
    """The client, the server, and the port between them."""
    found = await peer_for((Neighbour("parent", on.machine, address),), case)
    assert found is not None
    command = IPERF3.command(case, Envelope((0,), "/x", peer=found[1]))
    assert command.server is not None
    return command.argv[3:], command.server, found[1].port


def real_only(world: World) -> None:
    if world.kind == "fake":
        pytest.skip("about real processes")


def has_ipv6() -> bool:
    addresses = Path("/proc/net/if_inet6")
    return addresses.exists() and "00000001 " in addresses.read_text()


@pytest.mark.parametrize(
    ("case", "address"),
    [(FORWARD, "127.0.0.1"), (REVERSE, "127.0.0.1"), (FORWARD, "::1")],
    ids=["forward", "reverse", "IPv6"],
)
def test_a_server_serves_one_test_and_is_gone(world: World, case: Case, address: str) -> None:
    real_only(world)
    if address == "::1" and not has_ipv6():
        pytest.skip("no IPv6 here")

    async def story(on: Subject) -> None:
        client, server, port = await ends(on, case, address)
        async with serving(on.machine, server, port, 20.0):
            assert on.is_running(server)
            done = await on.machine.run(client, deadline=soon(20))
        assert not on.is_running(server)
        figures = IPERF3.parse(case, done.stdout).figures
        assert figures[0].value > 0

    world.play(story)


@pytest.mark.parametrize("problem", [ValueError("client"), asyncio.CancelledError()])
def test_a_server_without_a_client_is_ended(world: World, problem: BaseException) -> None:
    real_only(world)

    async def fail(on: Subject, server: Argv, port: int) -> None:
        async with serving(on.machine, server, port, 20.0):
            assert on.is_running(server)
            raise problem

    async def story(on: Subject) -> None:
        _, server, port = await ends(on, FORWARD, "127.0.0.1")
        with pytest.raises(type(problem)):
            await fail(on, server, port)
        assert not on.is_running(server)

    world.play(story)


def test_an_address_that_is_not_the_peer_s_is_said(world: World) -> None:
    real_only(world)

    async def story(on: Subject) -> None:
        _, server, port = await ends(on, FORWARD, "192.0.2.1")
        with pytest.raises(WorkloadError, match=r"iperf3 on .* ended with status 1") as caught:
            await serving(on.machine, server, port, 20.0).__aenter__()
        assert caught.value.code == "workload.failed"
        assert not on.is_running(server)

    world.play(story)
