"""A root disk of a guest that runs gets larger, and never smaller."""

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator

import pytest

from nestlab.deadline import Deadline
from nestlab.errors import MachineError
from nestlab.hypervisor.qemu.grow import grow_root
from nestlab.hypervisor.qemu.monitor import Monitor
from plan_examples import L1
from qmp_peer import HANG_UP, Peer, Refuses

SIZES = {"query-block": [{"device": "root", "inserted": {"image": {"virtual-size": 10 << 30}}}]}


def grown(peer: Peer, disk: int | None, seconds: float = 2) -> None:
    @contextlib.asynccontextmanager
    async def opened() -> AsyncIterator[Monitor]:
        sock, serving = await peer.connect()
        try:
            async with Monitor("l1", sock) as monitor:
                yield monitor
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)

    plan = dataclasses.replace(L1, disk=disk)
    asyncio.run(grow_root(opened(), plan, deadline=Deadline.after(seconds)))


@pytest.mark.parametrize(
    ("disk", "resized"), [(12 << 30, True), (10 << 30, False), (8 << 30, False), (None, False)]
)
def test_only_a_larger_one_is_given(disk: int | None, resized: bool) -> None:
    peer = Peer({**SIZES, "block_resize": {}})
    grown(peer, disk)
    assert ("block_resize" in peer.asked) is resized


@pytest.mark.parametrize(
    ("reply", "code"), [(Refuses("No space left on device"), "qmp.failed"), (HANG_UP, "qmp.lost")]
)
def test_what_qemu_refuses_is_said(reply: object, code: str) -> None:
    with pytest.raises(MachineError) as caught:
        grown(Peer({**SIZES, "block_resize": reply}), 12 << 30)
    assert caught.value.code == code


def test_a_monitor_that_somebody_else_holds() -> None:
    """It is not asked for ever: QEMU talks to one client at a time."""

    @contextlib.asynccontextmanager
    async def taken() -> AsyncIterator[Monitor]:
        await asyncio.sleep(60)
        yield pytest.fail("it was free")

    with pytest.raises(MachineError) as caught:
        asyncio.run(grow_root(taken(), L1, deadline=Deadline.after(0.1)))
    assert caught.value.code == "guest.disk-not-grown"
    assert "nestlab reboot l1" in (caught.value.hint or "")
