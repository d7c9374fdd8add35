"""A boot that goes well: QEMU is played, the guest's sshd is a real SSH server in this process."""

import asyncio
import dataclasses
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from facts_examples import facts
from guest_players import QemuHost, order
from nestlab.deadline import Deadline
from nestlab.errors import CleanupError, MachineError
from nestlab.hypervisor.plan import GuestPlan
from nestlab.hypervisor.protocol import Guest, Login
from nestlab.hypervisor.qemu.boot import QemuHypervisor
from nestlab.lab.record.keys import KeyPair, make_key
from nestlab.machine.fake import answer
from nestlab.machine.protocol import Address
from plan_examples import L1, TCG


class SshHost(QemuHost):
    """Its guest answers at the forwarded port, not at the first knock."""

    def __init__(self, client: KeyPair, host_key: KeyPair, **changes: Any) -> None:
        super().__init__(**changes)
        self._client, self._host_key = client, host_key
        self.knocks = 0

    async def dial(self, address: Address) -> socket.socket:
        """See `Machine.dial`."""
        if address != ("127.0.0.1", 34567):
            return await super().dial(address)
        self.knocks += 1
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        if self.knocks == 1:
            theirs.close()
            return ours
        self._tasks.spawn(self._serve_ssh(theirs))
        return ours

    async def _serve_ssh(self, theirs: socket.socket) -> None:
        keys = asyncssh.import_authorized_keys(self._client.public)
        connection = await asyncssh.run_server(
            theirs,
            server_host_keys=[asyncssh.import_private_key(self._host_key.private)],
            authorized_client_keys=keys,
        )
        await connection.wait_closed()


class World:
    """Keys, the host and one boot."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        self.folder = folder
        self.client, self.host_key = make_key("client"), make_key("host")
        (folder / "id_ed25519").write_text(self.client.private)
        self.host = SshHost(self.client, self.host_key, **changes)
        self.stages: list[str] = []

    def boot(
        self,
        look: Callable[[Guest], None] = lambda _guest: None,
        *,
        host_key: str | None = None,
        kept: bool = False,
        seconds: float = 10,
        plan: GuestPlan = L1,
    ) -> None:
        """Boot, look at the guest, leave."""
        login = Login("root", self.folder / "id_ed25519", host_key or self.host_key.public)
        wanted = dataclasses.replace(
            order(self.folder, self.stages, seconds), plan=plan, login=login, kept=lambda: kept
        )

        async def whole() -> None:
            hypervisor = QemuHypervisor(self.host, facts(), TCG, None)
            async with hypervisor.boot(wanted) as guest:
                assert not self.host.ended
                look(guest)
            if not kept:
                with pytest.raises(MachineError, match=r"machine\.lost"):
                    await guest.machine.run(("true",), deadline=Deadline.after(5))
            await self.host.close()

        asyncio.run(whole())


def test_a_guest_is_up_and_goes(tmp_path: Path) -> None:
    seen: list[Guest] = []
    world = World(tmp_path)
    world.boot(seen.append)
    (guest,) = seen
    assert (guest.machine.path, guest.pid, guest.ssh_port) == ("l1", 4711, 34567)
    assert (guest.kvm_enabled, guest.qemu_version) == (True, "7.2.22")
    assert world.host.knocks == 2
    assert world.stages[-1] == "logging in"
    assert world.host.ended == [L1.identity]
    assert world.host.removed
    assert (tmp_path / "evidence" / "console.log").exists()


def test_the_port_of_a_nat_beside_qemu_is_told_by_the_nat(tmp_path: Path) -> None:
    seen: list[Guest] = []
    world = World(tmp_path)
    world.host.programs["python3"] = lambda _argv, _stdin: answer("34567\n")
    world.boot(seen.append, plan=dataclasses.replace(L1, nat="passt"))
    assert seen[0].ssh_port == 34567
    assert "human-monitor-command" not in world.host.peer.asked
    started = [argv[0] for argv in world.host.ran]
    assert started.index("python3") < started.index("qemu-system-x86_64")


def test_a_nat_that_does_not_start_leaves_nothing(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.host.programs["python3"] = lambda _argv, _stdin: answer(status=1, stderr="no route")
    with pytest.raises(MachineError) as caught:
        world.boot(plan=dataclasses.replace(L1, nat="passt"))
    assert caught.value.code == "net.passt-failed"
    assert caught.value.notes == ("no route",)
    assert world.host.ended == [L1.identity]
    assert world.host.removed


def test_a_guest_that_is_kept_is_left_alone(tmp_path: Path) -> None:
    """Also by asyncio, which closes every context that was dropped instead of left."""
    world = World(tmp_path)
    world.boot(kept=True)
    assert world.host.ended == []
    assert not world.host.removed
    assert "quit" not in world.host.peer.asked


def test_a_kept_guest_is_not_kept_when_something_fails(tmp_path: Path) -> None:
    def fail(_guest: Guest) -> None:
        raise ZeroDivisionError

    world = World(tmp_path)
    with pytest.raises(ZeroDivisionError):
        world.boot(fail, kept=True)
    assert world.host.ended == [L1.identity]


def test_another_machine_at_the_port_is_no_guest_and_no_second_try(tmp_path: Path) -> None:
    world = World(tmp_path)
    with pytest.raises(MachineError) as caught:
        world.boot(host_key=make_key("another").public, seconds=600)
    assert caught.value.code == "ssh.host-key-mismatch"
    assert world.host.knocks == 2
    assert world.host.ended == [L1.identity]


def test_only_the_clean_up_failed(tmp_path: Path) -> None:
    world = World(tmp_path, ending=answer("4711\n", status=1))
    with pytest.raises(CleanupError) as caught:
        world.boot()
    assert caught.value.code == "guest.still-running"
    assert world.host.removed
