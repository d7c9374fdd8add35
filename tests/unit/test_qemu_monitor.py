"""QMP against a scripted peer on a real socket pair."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest

from nestlab.errors import MachineError
from nestlab.hypervisor.qemu.monitor import Monitor
from nestlab.hypervisor.qemu.readiness import alive_while
from plan_examples import L1
from qmp_peer import HANG_UP, USERNET, InTurn, Peer, Refuses

T = TypeVar("T")


def talk(peer: Peer, work: Callable[[Monitor], Awaitable[T]]) -> T:
    """Do some work over a session with the peer."""

    async def session() -> T:
        sock, serving = await peer.connect()
        try:
            async with asyncio.timeout(1), Monitor("l1", sock) as monitor:
                return await work(monitor)
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)

    return asyncio.run(session())


def failure(peer: Peer, work: Callable[[Monitor], Awaitable[object]]) -> MachineError:
    with pytest.raises(MachineError) as caught:
        talk(peer, work)
    assert caught.value.where == "l1, over its monitor"
    return caught.value


def test_capabilities_are_negotiated_before_anything_is_asked() -> None:
    peer = Peer()
    assert talk(peer, Monitor.version) == "7.2.22"
    assert peer.asked == ["qmp_capabilities", "query-version"]


@pytest.mark.parametrize(
    ("reply", "enabled"),
    [
        ({"enabled": True, "present": True}, True),
        ({"enabled": False, "present": True}, False),
        ({"enabled": "yes"}, False),
        ({}, False),
        ([], False),
    ],
)
def test_kvm_is_enabled_when_qemu_says_so_in_this_very_word(reply: Any, enabled: bool) -> None:
    assert talk(Peer({"query-kvm": reply}), Monitor.kvm_enabled) is enabled


@pytest.mark.parametrize("reply", [{}, [], {"qemu": "7.2"}])
def test_a_version_of_another_shape_is_unknown(reply: Any) -> None:
    assert talk(Peer({"query-version": reply}), Monitor.version) == "unknown"


def test_the_machine_type_has_its_version() -> None:
    peer = Peer()
    assert talk(peer, Monitor.machine_type) == "pc-q35-7.2-machine"
    assert peer.arguments["qom-get"] == {"path": "/machine", "property": "type"}
    assert talk(Peer({"qom-get": {}}), Monitor.machine_type) == "unknown"


def test_a_migration_is_followed_to_its_end() -> None:
    steps = InTurn({}, {"status": "setup"}, {"status": "active"}, {"status": "completed"})
    peer = Peer({"query-migrate": steps})
    talk(peer, Monitor.migrated)
    assert peer.asked.count("query-migrate") == 4


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        ({"status": "failed", "error-desc": "No space left on device"}, "No space left on device"),
        ({"status": "failed"}, "QEMU gives no reason"),
        ({"status": "cancelled"}, "cancelled"),
        ([], "QEMU gives no reason"),
    ],
)
def test_a_migration_that_fails_says_why(reply: Any, words: str) -> None:
    error = failure(Peer({"query-migrate": InTurn({}, reply)}), Monitor.migrated)
    assert error.code == "qmp.failed"
    assert words in error.message


def test_the_forwarded_port_is_read() -> None:
    assert talk(Peer(), Monitor.ssh_port) == 34567


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "Hub -1 (net):\n",
        USERNET.replace("127.0.0.1", "0.0.0.0"),
        USERNET.replace("HOST_FORWARD", "SYN_SENT"),
        USERNET.replace("34567", "many"),
        USERNET.replace("   22 ", " 2222 "),
        {"not": "text"},
    ],
)
def test_no_port_is_guessed(reply: Any) -> None:
    error = failure(Peer({"human-monitor-command": reply}), Monitor.ssh_port)
    assert error.code == "qmp.failed"
    assert "forwarded SSH port" in error.message


def test_a_refusal_is_quoted() -> None:
    error = failure(Peer({"cont": Refuses("the device is gone")}), lambda m: m.execute("cont"))
    assert error.code == "qmp.failed"
    assert "cont" in error.message
    assert "the device is gone" in error.message


def test_a_peer_that_hangs_up_over_a_command() -> None:
    error = failure(Peer({"cont": HANG_UP}), lambda m: m.execute("cont"))
    assert error.code == "qmp.lost"


def test_a_session_that_is_over_stays_over() -> None:
    async def twice(monitor: Monitor) -> object:
        with pytest.raises(MachineError):
            await monitor.execute("cont")
        return await monitor.execute("query-kvm")

    assert failure(Peer({"cont": HANG_UP}), twice).code == "qmp.lost"


def test_a_peer_that_says_nothing_can_be_left() -> None:
    """Whoever connects has the deadline; nothing of the session may be left by that."""

    async def give_up() -> int:
        sock, serving = await Peer(greeting=b"").connect()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05), Monitor("l1", sock):
                pytest.fail("a session was opened")
        serving.cancel()
        return sock.fileno()

    assert asyncio.run(give_up()) == -1


@pytest.mark.parametrize(
    "greeting", [HANG_UP, b"SSH-2.0-OpenSSH_9.2\r\n", b"{}\r\n", b"\xff\xfe\r\n", b'{"QMP": 1}\r\n']
)
def test_what_is_no_monitor_is_no_session(greeting: object) -> None:
    async def nothing(_monitor: Monitor) -> None:
        pytest.fail("a session was opened")

    assert failure(Peer({"qmp_capabilities": HANG_UP}, greeting=greeting), nothing).code == (
        "qmp.lost"
    )


def test_a_peer_that_refuses_capabilities_is_no_session() -> None:
    async def nothing(_monitor: Monitor) -> None:
        pytest.fail("a session was opened")

    assert failure(Peer({"qmp_capabilities": Refuses("no")}), nothing).code == "qmp.lost"


def test_the_end_of_qemu_is_noticed() -> None:
    async def work(monitor: Monitor) -> str:
        ended = asyncio.ensure_future(monitor.ended())
        await monitor.kvm_enabled()
        assert not ended.done()
        with pytest.raises(MachineError):
            await monitor.execute("quit")
        await ended
        return "noticed"

    assert talk(Peer({"quit": HANG_UP}), work) == "noticed"


def test_work_goes_on_while_qemu_lives() -> None:
    async def work(monitor: Monitor) -> int:
        return await alive_while(monitor, L1, monitor.ssh_port())

    assert talk(Peer(), work) == 34567


def test_work_ends_when_qemu_does() -> None:
    cancelled: list[str] = []

    async def endless() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            cancelled.append("yes")

    async def work(monitor: Monitor) -> None:
        watched = asyncio.ensure_future(alive_while(monitor, L1, endless()))
        await asyncio.sleep(0)
        with pytest.raises(MachineError):
            await monitor.execute("quit")
        await watched

    with pytest.raises(MachineError) as caught:
        talk(Peer({"quit": HANG_UP}), work)
    assert caught.value.code == "guest.died"
    assert caught.value.where == "l1, while booting it"
    assert cancelled == ["yes"]


def test_what_the_work_raises_passes_through() -> None:
    async def fails() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        talk(Peer(), lambda monitor: alive_while(monitor, L1, fails()))


DRIVES = [
    {"device": "seed", "inserted": {"image": {"virtual-size": 1}}},
    {"device": "root", "inserted": {"image": {"virtual-size": 10 << 30}}},
]


def test_the_size_of_the_root_disk() -> None:
    assert talk(Peer({"query-block": DRIVES}), Monitor.root_size) == 10 << 30


@pytest.mark.parametrize(
    "reply",
    [
        {},
        [],
        DRIVES[:1],
        [{"device": "root"}],
        [{"device": "root", "inserted": {"image": {"virtual-size": "10"}}}],
    ],
)
def test_a_root_disk_without_a_size_is_an_error(reply: Any) -> None:
    assert failure(Peer({"query-block": reply}), Monitor.root_size).code == "qmp.failed"


def test_the_root_disk_is_resized_by_its_name() -> None:
    peer = Peer({"block_resize": {}})
    talk(peer, lambda monitor: monitor.resize_root(12 << 30))
    assert peer.asked[-1] == "block_resize"
