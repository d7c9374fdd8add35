"""The contract of `Machine`, held against every kind of it: files and sockets."""

import asyncio
import os
import socket
from pathlib import Path

import pytest

from machine_worlds import Subject, World, soon
from nestlab.errors import MachineError
from nestlab.machine.protocol import Address
from nestlab.machine.shell import read_text


@pytest.mark.parametrize("mode", [0o755, 0o444])
def test_put_and_get(world: World, tmp_path: Path, mode: int) -> None:
    sent, received = tmp_path / "sent", tmp_path / "received"
    sent.write_bytes(os.urandom(5_000_000))

    async def story(on: Subject) -> None:
        remote = on.folder + "/it's a file"
        await on.machine.put(sent, remote, mode=mode)
        assert on.names() == {"it's a file"}
        assert on.mode(remote) == mode
        await on.machine.get(remote, received)
        assert received.read_bytes() == sent.read_bytes()
        assert received.stat().st_mode & 0o777 == mode

    world.play(story)


def test_put_replaces_and_is_private_by_default(world: World, tmp_path: Path) -> None:
    sent = tmp_path / "sent"

    async def story(on: Subject) -> None:
        remote = on.folder + "/file"
        for text in ("a longer text", "short", ""):
            sent.write_text(text)
            await on.machine.put(sent, remote)
            assert await read_text(on.machine, remote, deadline=soon()) == text
        assert on.mode(remote) == 0o600
        assert on.names() == {"file"}

    world.play(story)


def test_put_into_a_missing_folder(world: World, tmp_path: Path) -> None:
    sent = tmp_path / "sent"
    sent.write_bytes(b"x")

    async def story(on: Subject) -> None:
        with pytest.raises(MachineError) as caught:
            await on.machine.put(sent, on.folder + "/missing/file")
        assert caught.value.code == "machine.put-failed"
        assert on.names() == set()

    world.play(story)


def test_put_of_a_missing_file(world: World, tmp_path: Path) -> None:
    async def story(on: Subject) -> None:
        with pytest.raises(MachineError) as caught:
            await on.machine.put(tmp_path / "missing", on.folder + "/file")
        assert caught.value.code == "machine.put-failed"
        assert on.names() == set()

    world.play(story)


def test_put_over_a_folder(world: World, tmp_path: Path) -> None:
    if world.kind == "fake":
        pytest.skip("the fake has no folders within folders")
    sent = tmp_path / "sent"
    sent.write_bytes(b"x")
    (world.folder / "there").mkdir()

    async def story(on: Subject) -> None:
        with pytest.raises(MachineError) as caught:
            await on.machine.put(sent, on.folder + "/there")
        assert caught.value.code == "machine.put-failed"
        assert on.names() == {"there"}

    world.play(story)


def test_get_of_a_missing_file(world: World, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_bytes(b"as before")

    async def story(on: Subject) -> None:
        with pytest.raises(MachineError) as caught:
            await on.machine.get(on.folder + "/missing", kept)
        assert caught.value.code == "machine.get-failed"
        assert kept.read_bytes() == b"as before"

    world.play(story)
    assert {path.name for path in tmp_path.iterdir()} == {"kept", "remote"}


def test_get_into_a_missing_folder(world: World, tmp_path: Path) -> None:
    sent = tmp_path / "sent"
    sent.write_bytes(b"x")

    async def story(on: Subject) -> None:
        await on.machine.put(sent, on.folder + "/file")
        with pytest.raises(MachineError) as caught:
            await on.machine.get(on.folder + "/file", tmp_path / "missing" / "file")
        assert caught.value.code == "machine.get-failed"

    world.play(story)


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Sends everything back and, once the other side has said its last, a word more."""
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.write(b"that was all")
    await writer.drain()
    writer.close()


def some_address(kind: str, folder: Path) -> Address:
    if kind == "unix":
        return str(folder / "socket")
    with socket.create_server(("127.0.0.1", 0)) as free:
        return ("127.0.0.1", free.getsockname()[1])


@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_dial_both_ways_with_half_close(world: World, tmp_path: Path, kind: str) -> None:
    sent = os.urandom(1 << 20)
    address = some_address(kind, tmp_path)

    async def story(on: Subject) -> None:
        async with on.serve(address, echo):
            dialled = await on.machine.dial(address)
            assert dialled.getblocking() is False
            reader, writer = await asyncio.open_connection(sock=dialled)
            writer.write(sent)
            writer.write_eof()
            received = await asyncio.wait_for(reader.read(), 5)
            writer.close()
            await writer.wait_closed()
        assert received == sent + b"that was all"

    world.play(story)


def test_dial_with_nobody_reading_holds_the_sender_back(world: World, tmp_path: Path) -> None:
    address = some_address("unix", tmp_path)
    done = asyncio.Event()

    async def deaf(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await done.wait()
        writer.close()

    async def story(on: Subject) -> None:
        async with on.serve(address, deaf):
            dialled = await on.machine.dial(address)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(
                    asyncio.get_running_loop().sock_sendall(dialled, bytes(32 << 20)), 0.3
                )
            done.set()
            dialled.close()

    world.play(story)


@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_dial_refused(world: World, tmp_path: Path, kind: str) -> None:
    async def story(on: Subject) -> None:
        with pytest.raises(MachineError) as caught:
            await on.machine.dial(some_address(kind, tmp_path))
        assert caught.value.code == "machine.refused"

    world.play(story)


def test_closing_the_machine_ends_what_was_dialled(world: World, tmp_path: Path) -> None:
    if world.kind == "local":
        pytest.skip("sockets of the local machine are the caller's own")
    address = some_address("unix", tmp_path)

    async def story(on: Subject) -> None:
        async with on.serve(address, echo):
            dialled = await on.machine.dial(address)
            await on.machine.close()
            end = asyncio.get_running_loop().sock_recv(dialled, 1)
            assert await asyncio.wait_for(end, 2) == b""
            dialled.close()
            await asyncio.sleep(0.05)  # the server's side sees the end

    world.play(story)
