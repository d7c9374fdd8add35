"""What only a machine behind SSH can get wrong."""

import asyncio
import os
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from machine_worlds import EXIT_7, processes, sleeper, soon
from nestlab.errors import MachineError, UsageError
from nestlab.machine.local import LocalMachine
from nestlab.machine.ssh import open_ssh
from sshd_world import Sshd, running_sshd

opened_files: list[str] | None = None
"""Filled by the audit hook below while it is a list; a hook cannot be taken away again."""


def note_opened_file(event: str, arguments: tuple[Any, ...]) -> None:
    if opened_files is not None and event in {"open", "os.listdir", "os.scandir"}:
        opened_files.append(os.fsdecode(arguments[0]) if arguments[0] else "")


def refused_login(login: Coroutine[Any, Any, object]) -> MachineError:
    with pytest.raises(MachineError) as caught:
        asyncio.run(login)
    return caught.value


def test_wrong_host_key(sshd: Sshd) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    error = refused_login(sshd.log_in(LocalMachine(), host_key=other))
    assert error.code == "ssh.host-key-mismatch"
    assert error.hint


def test_wrong_client_key(sshd: Sshd) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519")
    error = refused_login(sshd.log_in(LocalMachine(), client_key=other))
    assert error.code == "ssh.auth-failed"
    assert sshd.username in str(error.hint)


@pytest.mark.parametrize("greeting", [b"", b"SSH-1.0-old\r\n", b"HTTP/1.1 400\r\n\r\n" * 100])
def test_no_ssh_server_there(sshd: Sshd, tmp_path: Path, greeting: bytes) -> None:
    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        writer.close()

    async def story() -> None:
        address = str(tmp_path / "socket")
        async with await asyncio.start_unix_server(serve, address):
            await open_ssh(
                path="l1",
                sock=await LocalMachine().dial(address),
                username="root",
                client_key=sshd.client_key,
                host_key=sshd.host_key,
                deadline=soon(),
            )

    assert refused_login(story()).code == "ssh.connect-failed"


def test_server_that_says_nothing(sshd: Sshd, tmp_path: Path) -> None:
    hung_up = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        hung_up.set()

    async def story() -> None:
        address = str(tmp_path / "socket")
        async with await asyncio.start_unix_server(serve, address):
            try:
                await open_ssh(
                    path="l1",
                    sock=await LocalMachine().dial(address),
                    username="root",
                    client_key=sshd.client_key,
                    host_key=sshd.host_key,
                    deadline=soon(0.3),
                )
            finally:
                await asyncio.wait_for(hung_up.wait(), 1)

    assert refused_login(story()).code == "machine.deadline"


def test_two_hops(sshd: Sshd) -> None:
    async def story() -> None:
        outer = await sshd.log_in(LocalMachine(), path="l1")
        inner = await sshd.log_in(outer, path="l1/l2")
        done = await inner.run(("cat",), stdin=b"x" * 1_000_000, deadline=soon())
        assert len(done.stdout) == 1_000_000
        task = asyncio.create_task(inner.run(("sleep", "79"), deadline=soon(60)))
        await asyncio.sleep(0.2)
        await outer.close()
        with pytest.raises(MachineError) as caught:
            await asyncio.wait_for(task, 3)
        assert (caught.value.code, caught.value.where) == ("machine.lost", "l1/l2")
        await inner.close()

    asyncio.run(story())
    for pid in processes(("sleep", "79")):
        os.kill(pid, 9)


@pytest.mark.parametrize("delay", [0.0, 0.005, 0.03, 0.1])
def test_closing_in_the_middle_is_a_lost_machine(sshd: Sshd, tmp_path: Path, delay: float) -> None:
    argv, sent = sleeper(), tmp_path / "sent"
    sent.write_bytes(bytes(20_000_000))

    async def story() -> None:
        machine = await sshd.log_in(LocalMachine())
        work = [
            asyncio.create_task(machine.run(argv, deadline=soon(60))),
            asyncio.create_task(machine.put(sent, f"{tmp_path}/put")),
            asyncio.create_task(machine.dial(str(tmp_path / "missing"))),
        ]
        await asyncio.sleep(delay)
        await machine.close()
        ran, put, dialled = await asyncio.wait_for(asyncio.gather(*work, return_exceptions=True), 3)
        assert getattr(ran, "code", ran) == "machine.lost"
        assert getattr(put, "code", put) in {"machine.lost", None}
        assert getattr(dialled, "code", dialled) in {"machine.lost", "machine.refused"}
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(story())
    for pid in processes(argv):
        os.kill(pid, 9)


def test_a_crowd_of_ended_programs_leaves_nothing(sshd: Sshd) -> None:
    async def story() -> None:
        machine = await sshd.log_in(LocalMachine())
        argv = sleeper()
        runs = [machine.run(argv, deadline=soon(0.5)) for _ in range(9)]
        results = await asyncio.gather(*runs, return_exceptions=True)
        assert {getattr(result, "code", None) for result in results} == {"machine.deadline"}
        assert not processes(argv)
        assert (await machine.run(EXIT_7, deadline=soon())).status == 7
        await machine.close()

    asyncio.run(story())


@pytest.mark.parametrize("delay", [0.0, 0.004, 0.02])
def test_cancelled_before_it_started(sshd: Sshd, delay: float) -> None:
    async def story() -> None:
        machine = await sshd.log_in(LocalMachine())
        argv = sleeper()
        task = asyncio.create_task(machine.run(argv, deadline=soon()))
        await asyncio.sleep(delay)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0.1)
        assert not processes(argv)
        await machine.close()

    asyncio.run(story())


def test_long_command_line(sshd: Sshd) -> None:
    async def story() -> None:
        machine = await sshd.log_in(LocalMachine())
        longest = "x" * 130_000
        done = await machine.run(("printf", "%s", longest), deadline=soon())
        assert done.stdout == longest.encode()
        with pytest.raises(UsageError) as caught:
            await machine.run(("printf", "%s", longest, longest), deadline=soon())
        assert caught.value.code == "argv.too-long"
        await machine.close()

    asyncio.run(story())


def test_login_shell_that_runs_something_else(sshd_program: str, tmp_path: Path) -> None:
    async def story(server: Sshd) -> None:
        machine = await server.log_in(LocalMachine())
        with pytest.raises(MachineError) as caught:
            await machine.run(EXIT_7, deadline=soon())
        assert caught.value.code == "ssh.shell-failed"
        assert caught.value.notes == ("not available",)
        await machine.close()

    with running_sshd(tmp_path, sshd_program, "ForceCommand echo not available >&2") as server:
        asyncio.run(story(server))


def test_server_that_allows_nothing(sshd_program: str, tmp_path: Path) -> None:
    async def story(server: Sshd) -> None:
        machine = await server.log_in(LocalMachine())
        with pytest.raises(MachineError) as caught:
            await machine.run(EXIT_7, deadline=soon())
        assert caught.value.code == "ssh.session-refused"
        assert "MaxSessions" in str(caught.value.hint)
        with pytest.raises(MachineError) as caught:
            await machine.put(Path(__file__), str(tmp_path / "file"))
        assert caught.value.code == "machine.put-failed"
        with pytest.raises(MachineError) as caught:
            await machine.dial(("127.0.0.1", server.port))
        assert caught.value.code == "machine.refused"
        await machine.close()

    settings = ("MaxSessions 0", "AllowTcpForwarding no")
    with running_sshd(tmp_path, sshd_program, *settings) as server:
        asyncio.run(story(server))


def test_nothing_of_the_user_is_read(
    sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    global opened_files  # noqa: PLW0603
    (tmp_path / ".ssh").mkdir()
    for name in (
        "config",
        "known_hosts",
        "id_ed25519",
        "id_ed25519.pub",
        "id_rsa",
        "ca-bundle.crt",
    ):
        (tmp_path / ".ssh" / name).write_text("ProxyCommand false\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / ".ssh" / "agent"))

    async def story() -> None:
        machine = await sshd.log_in(LocalMachine())
        await machine.close()

    sys.addaudithook(note_opened_file)
    opened_files = []
    try:
        asyncio.run(story())
        (tmp_path / ".ssh" / "config").read_text()
        seen = [path for path in opened_files if "/.ssh" in path]
    finally:
        opened_files = None
    assert seen == [str(tmp_path / ".ssh" / "config")]  # read by this test alone
