"""Hosts as a user's own `ssh` reaches them: ~/.ssh/config, keys, known_hosts."""

import asyncio
import socket
from pathlib import Path

import asyncssh
import pytest

from machine_worlds import soon
from nestlab.deadline import Deadline
from nestlab.errors import MachineError
from nestlab.machine.address import Address
from nestlab.machine.remote import open_remote
from ssh_user import ssh_home
from sshd_world import Sshd


@pytest.fixture(autouse=True)
def no_agent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


def refused(address: Address, deadline: Deadline | None = None) -> MachineError:
    async def attempt() -> None:
        await (await open_remote(address, deadline=deadline or soon())).close()

    with pytest.raises(MachineError) as caught:
        asyncio.run(attempt())
    assert caught.value.where == f"{address}, while logging in"
    assert caught.value.hint
    return caught.value


def test_a_host_of_the_configuration(sshd: Sshd, tmp_path: Path) -> None:
    async def visit() -> str:
        machine = await open_remote(Address("t1"), deadline=soon())
        try:
            return (await machine.run(("echo", "here"), deadline=soon())).text
        finally:
            await machine.close()

    ssh_home(sshd, tmp_path)
    assert asyncio.run(visit()) == "here\n"


def test_a_host_key_that_is_not_known(sshd: Sshd, tmp_path: Path) -> None:
    ssh_home(sshd, tmp_path, host_key="")
    problem = refused(Address("127.0.0.1", "root", sshd.port))
    assert problem.code == "ssh.host-key-unknown"
    assert f"`ssh -p {sshd.port} root@127.0.0.1`" in (problem.hint or "")


def test_a_host_key_that_is_another(sshd: Sshd, tmp_path: Path) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    ssh_home(sshd, tmp_path, host_key=other)
    assert refused(Address("127.0.0.1", None, sshd.port)).code == "ssh.host-key-mismatch"


def test_a_key_that_is_not_wanted(sshd: Sshd, tmp_path: Path) -> None:
    ssh_home(sshd, tmp_path)
    key = tmp_path / ".ssh" / "id_ed25519"
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(key)
    assert refused(Address("t1")).code == "ssh.auth-failed"


def test_nobody_listens(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    assert refused(Address("127.0.0.1", None, port)).code == "ssh.unreachable"


def test_one_that_accepts_and_never_speaks(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = Address("127.0.0.1", None, silent.getsockname()[1])
        assert refused(address, Deadline.after(0.3)).code == "machine.deadline"


def test_a_name_that_nobody_has() -> None:
    assert refused(Address("no-such-host.invalid")).code == "ssh.unreachable"


def test_how_it_is_written() -> None:
    assert str(Address("a", "root", 2222)) == "root@a:2222"
    assert str(Address("::1", None, 22)) == "[::1]:22"
    assert Address("a").typed == "ssh a"
