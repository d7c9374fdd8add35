"""The serial console while a guest boots: stages, panics, and a guest that cannot be trusted."""

import asyncio
import socket
import tracemalloc
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nestlab.errors import MachineError
from nestlab.hypervisor.qemu.console import clean, find_panic, watch_boot

BOOT = (
    b"[    0.000000] Linux version 6.1.0\r\n"
    b"nestlab: kernel is up\r\n"
    b"nestlab: network is up\r\n"
    b"nestlab: ready\r\n"
)
PANIC = b"[  1.5] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)\n"


def watched(packets: Iterable[bytes], *, close: bool = False, patience: float = 5) -> list[str]:
    """The stages that were told; `close` hangs up at the end, else the guest stays silent."""
    stages: list[str] = []

    async def watch() -> None:
        ours, guest = socket.socketpair()
        ours.setblocking(False)
        with guest:
            async with asyncio.timeout(patience), asyncio.TaskGroup() as group:
                group.create_task(watch_boot(ours, "l1/l2", stages.append))
                group.create_task(asyncio.to_thread(send, guest, packets))
        assert ours.fileno() == -1  # closed, so that the guest is never stalled by us

    def send(guest: socket.socket, words: Iterable[bytes]) -> None:
        try:
            for packet in words:
                guest.sendall(packet)
        except BrokenPipeError:
            return  # it had heard enough
        if close:
            guest.close()

    asyncio.run(watch())
    return stages


def panic(packets: Iterable[bytes]) -> MachineError:
    with pytest.raises(ExceptionGroup) as caught:
        watched(packets)
    (error,) = caught.value.exceptions
    assert isinstance(error, MachineError)
    return error


def test_stages_are_told_until_it_is_ready() -> None:
    assert watched([BOOT]) == ["kernel is up", "network is up"]


@pytest.mark.parametrize("size", [1, 2, 7, 50])
def test_packets_may_be_split_anywhere(size: int) -> None:
    packets = [BOOT[start : start + size] for start in range(0, len(BOOT), size)]
    assert watched(packets) == ["kernel is up", "network is up"]


def test_what_comes_after_ready_is_not_waited_for() -> None:
    assert watched([BOOT + PANIC + b"nestlab: more\n"]) == ["kernel is up", "network is up"]


def test_a_panic_is_told_at_once() -> None:
    error = panic([BOOT[:60], PANIC, b"more"])
    assert error.code == "guest.panicked"
    assert error.message == (
        "the kernel of l1/l2 panicked: Kernel panic - not syncing:"
        " VFS: Unable to mount root fs on unknown-block(0,0)"
    )
    assert error.where == "l1/l2, while booting it"
    assert error.hint


def test_a_panic_cannot_reach_the_terminal() -> None:
    words = panic(
        [b"\x1b[31mKernel panic - not syncing: \x1b]0;owned\x07\x9b2J\x08bad\r\n"]
    ).message
    assert words.isprintable()
    assert words.endswith("bad")


def test_a_console_that_closes_leaves_the_verdict_to_others() -> None:
    assert watched([b"nestlab: kernel is up\n", b"no newline"], close=True) == ["kernel is up"]


def reset_console() -> socket.socket:
    """That of a QEMU that was killed: a peer with unread bytes resets the connection."""
    ours, guest = socket.socketpair()
    ours.setblocking(False)
    ours.sendall(b"typed")
    guest.close()
    return ours


def test_a_console_that_is_reset_counts_as_closed() -> None:
    with reset_console() as console, pytest.raises(ConnectionResetError):
        console.recv(1)
    console = reset_console()
    asyncio.run(watch_boot(console, "l1", pytest.fail))
    assert console.fileno() == -1


def test_a_silent_guest_is_waited_for() -> None:
    with pytest.raises(TimeoutError):
        watched([b"nestlab: kernel is up\n"], patience=0.1)


def test_an_endless_line_is_bounded_and_does_not_hide_the_next() -> None:
    noise = [b"x" * 65536] * 100
    tracemalloc.start()
    try:
        assert watched([*noise, b"\n", BOOT]) == ["kernel is up", "network is up"]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2 << 20  # of the 6 MiB that came


def test_bytes_that_are_not_text_are_no_obstacle() -> None:
    assert watched([b"\xff\xfe\x00\xc3(\n", BOOT]) == ["kernel is up", "network is up"]


def test_only_words_are_a_stage() -> None:
    lines = b"nestlab: \x1b[2Jclean\nnestlab: 123\nnestlab: " + b"a" * 200 + b"\n"
    assert watched([lines, BOOT])[0] == "clean"
    assert all(len(stage) <= 40 for stage in watched([lines, BOOT]))


@given(st.text())
def test_clean_text_moves_no_cursor(text: str) -> None:
    cleaned = clean(text)
    assert not any(ord(char) < 32 and char not in "\t\n" for char in cleaned)
    assert not any(0x7F <= ord(char) < 0xA0 for char in cleaned)
    assert len(cleaned) <= 4096


def test_the_last_words_are_found_in_a_whole_log() -> None:
    log = "line\n\x1b[1mKernel panic - not syncing: Attempted to kill init!\r\n---[ end\n"
    assert find_panic(log) == "Kernel panic - not syncing: Attempted to kill init!"
    assert find_panic("all is well\n") is None
