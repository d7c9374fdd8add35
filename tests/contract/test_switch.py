"""The switch process itself, spoken to as QEMU does: 4 bytes of length, then the frame."""

import ast
import asyncio
import contextlib
import os
import secrets
import signal
import socket
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from nestlab.deadline import Deadline
from nestlab.errors import CleanupError, MachineError
from nestlab.hypervisor.switch import (
    end_switch,
    find_switch,
    start_switch,
    switch_identity,
)
from nestlab.machine.fake import FakeMachine, answer
from nestlab.machine.local import LocalMachine
from nestlab.net import switch as program

MTU = 1400
LONGEST = MTU + 22
EVERYONE = b"\xff" * 6
PATIENCE = 20.0
"""Seconds that an answer may take before the test fails."""


def mac(number: int) -> bytes:
    return bytes((2, *number.to_bytes(5, "big")))


def frame(target: bytes, source: bytes, payload: bytes = b"hello") -> bytes:
    return target + source + b"\x08\x00" + payload


def packed(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


@dataclass
class Card:
    """A guest's card on the switch."""

    stream: socket.socket
    buffer: bytes = field(default=b"")

    def send(self, *frames: bytes) -> None:
        self.stream.sendall(b"".join(packed(each) for each in frames))

    def receive(self) -> bytes:
        """The next frame; fails when none comes."""
        while len(self.buffer) < 4 or len(self.buffer) < 4 + int.from_bytes(self.buffer[:4], "big"):
            data = self.stream.recv(65536)
            if not data:
                raise EOFError
            self.buffer += data
        size = int.from_bytes(self.buffer[:4], "big")
        found, self.buffer = self.buffer[4 : 4 + size], self.buffer[4 + size :]
        return found


@dataclass
class Running:
    """A switch, and what plugs cards into it."""

    path: Path
    pid: int
    identity: str
    cards: contextlib.ExitStack

    def plug(self) -> Card:
        stream = self.cards.enter_context(socket.socket(socket.AF_UNIX))
        stream.settimeout(PATIENCE)
        stream.connect(str(self.path))
        return Card(stream)

    def plug_and_tell(self, *numbers: int) -> list[Card]:
        """Cards that the switch knows: each has sent a frame to everyone, which all others got."""
        cards = [self.plug() for _ in numbers]
        for number, card in zip(numbers, cards, strict=True):
            hello = frame(EVERYONE, mac(number), b"here I am")
            card.send(hello)
            assert [other.receive() for other in cards if other is not card] == (
                [hello] * (len(cards) - 1)
            )
        return cards


@contextlib.contextmanager
def running() -> Iterator[Running]:
    lab, lan = secrets.token_hex(5), "storage"
    identity, machine = switch_identity(lab, lan), LocalMachine()
    with tempfile.TemporaryDirectory(prefix="nestlab-switch-") as folder:
        path = Path(folder) / "storage.net"
        start = start_switch(machine, identity, str(path), mtu=MTU, deadline=Deadline.after(30))
        pid = asyncio.run(start)
        try:
            with contextlib.ExitStack() as cards:
                yield Running(path, pid, identity, cards)
        finally:
            asyncio.run(end_switch(machine, identity, deadline=Deadline.after(30)))


@pytest.fixture
def switch() -> Iterator[Running]:
    with running() as found:
        yield found


def test_what_nobody_knows_goes_to_all_others_and_never_back(switch: Running) -> None:
    first, second, third = switch.plug(), switch.plug(), switch.plug()
    unknown = frame(mac(9), mac(1))
    everyone = frame(EVERYONE, mac(1), b"second")
    first.send(unknown, everyone)
    assert [second.receive(), second.receive()] == [unknown, everyone]
    assert [third.receive(), third.receive()] == [unknown, everyone]
    third.send(frame(mac(1), mac(3), b"answer"))
    assert first.receive() == frame(mac(1), mac(3), b"answer")  # so no echo came before it


def test_what_is_known_goes_to_one_only(switch: Running) -> None:
    first, second, third = switch.plug_and_tell(1, 2, 3)
    secret = frame(mac(2), mac(1), b"for the second only")
    first.send(secret, frame(EVERYONE, mac(1), b"for all"))
    assert second.receive() == secret
    assert third.receive() == frame(EVERYONE, mac(1), b"for all")


def test_a_frame_to_its_sender_s_own_side_stays_there(switch: Running) -> None:
    """Behind one card there may be a bridge with several machines."""
    first, second = switch.plug_and_tell(1, 2)
    first.send(frame(EVERYONE, mac(11)), frame(mac(11), mac(1)), frame(mac(2), mac(11), b"end"))
    assert second.receive() == frame(EVERYONE, mac(11))
    assert second.receive() == frame(mac(2), mac(11), b"end")


def test_a_machine_that_moves_is_followed(switch: Running) -> None:
    first, second, third = switch.plug_and_tell(1, 2, 3)
    third.send(frame(EVERYONE, mac(2), b"moved"))
    assert first.receive() == second.receive() == frame(EVERYONE, mac(2), b"moved")
    first.send(frame(mac(2), mac(1)))
    assert third.receive() == frame(mac(2), mac(1))


def test_frames_in_pieces_are_put_together(switch: Running) -> None:
    first, second = switch.plug(), switch.plug()
    sent = [frame(EVERYONE, mac(1), bytes((n,)) * n) for n in (1, 200, 3)]
    for byte in b"".join(packed(each) for each in sent):
        first.stream.sendall(bytes((byte,)))
    assert [second.receive() for _ in sent] == sent


def test_what_is_no_frame_is_lost_and_nothing_else(switch: Running) -> None:
    first, second = switch.plug(), switch.plug()
    first.send(
        frame(EVERYONE, mac(1), b"x" * (LONGEST - 14 + 1)),  # one byte too long
        b"short",
        frame(EVERYONE, b"\x01" + bytes(5), b"from a group"),
        frame(EVERYONE, mac(1), b"x" * 65000),
        frame(EVERYONE, mac(1), b"x" * (LONGEST - 14)),
    )
    assert second.receive() == frame(EVERYONE, mac(1), b"x" * (LONGEST - 14))


@pytest.mark.parametrize("length", [0, 69633, 2**32 - 1])
def test_one_that_breaks_the_framing_is_cut_off(switch: Running, length: int) -> None:
    first, second, third = switch.plug_and_tell(1, 2, 3)
    first.send(frame(mac(2), mac(1), b"still good"))
    assert second.receive() == frame(mac(2), mac(1), b"still good")
    first.stream.sendall(length.to_bytes(4, "big") + b"anything")
    assert first.stream.recv(1) == b""
    second.send(frame(mac(1), mac(2), b"to one that has gone"))  # nobody's address now: to all
    assert third.receive() == frame(mac(1), mac(2), b"to one that has gone")


def test_one_that_does_not_read_loses_frames_and_stalls_nobody(switch: Running) -> None:
    first, second, deaf = switch.plug_and_tell(1, 2, 3)
    count = 3 * program.BACKLOG // LONGEST + 1000
    for number in range(count):
        first.send(frame(EVERYONE, mac(1), number.to_bytes(4, "big") + bytes(MTU - 4)))
        assert int.from_bytes(second.receive()[14:18], "big") == number
    deaf.send(frame(mac(2), mac(3), b"it can still speak"))
    assert second.receive() == frame(mac(2), mac(3), b"it can still speak")
    numbers, marker = [], frame(mac(3), mac(1), b"it reads again")
    while (got := deaf.receive()) != marker:
        numbers.append(int.from_bytes(got[14:18], "big"))
        first.send(marker)  # lost as long as there is no room
    assert numbers == list(range(len(numbers)))
    assert len(numbers) < count


def test_one_card_cannot_fill_the_table(switch: Running) -> None:
    first, second, third = switch.plug_and_tell(1, 2, 3)
    many = [mac(100 + number) for number in range(program.ADDRESSES)]
    for source in many:  # to its own side: it is learnt, and nobody else sees it
        first.send(frame(source, source))
    first.send(frame(mac(2), many[0], b"known again, so the next oldest is forgotten"))
    second.receive()
    second.send(frame(mac(1), mac(2), b"the oldest"), frame(many[-1], mac(2), b"the newest"))
    assert first.receive() == third.receive() == frame(mac(1), mac(2), b"the oldest")
    assert first.receive() == frame(many[-1], mac(2), b"the newest")
    second.send(frame(mac(3), mac(2), b"others are still known"))
    assert third.receive() == frame(mac(3), mac(2), b"others are still known")


def test_a_card_that_is_pulled_is_forgotten(switch: Running) -> None:
    first, second, third = switch.plug_and_tell(1, 2, 3)
    second.stream.close()
    deadline = Deadline.after(PATIENCE)
    while not deadline.expired:  # until the switch has seen it, frames to it vanish with it
        first.send(frame(mac(2), mac(1), b"where are you"))
        third.stream.settimeout(0.2)
        with contextlib.suppress(TimeoutError):
            assert third.receive() == frame(mac(2), mac(1), b"where are you")
            break
    else:
        pytest.fail("frames to a card that was pulled still go nowhere")
    again = switch.plug()
    again.send(frame(mac(1), mac(2), b"back"))
    assert first.receive() == frame(mac(1), mac(2), b"back")


def test_more_cards_than_it_has_room_for_wait(switch: Running) -> None:
    cards = [switch.plug() for _ in range(program.PORTS)]
    late, early = frame(EVERYONE, mac(2), b"late"), frame(EVERYONE, mac(1), b"early")
    switch.plug().send(late)
    cards[0].send(early)
    assert cards[1].receive() == early
    cards[-1].stream.close()
    assert cards[1].receive() == late


def test_two_switches_are_two_networks(switch: Running) -> None:
    with running() as other:
        here, there = switch.plug_and_tell(1, 2), other.plug_and_tell(1, 2)
        here[0].send(frame(EVERYONE, mac(1), b"here"))
        there[0].send(frame(EVERYONE, mac(1), b"there"))
        assert here[1].receive() == frame(EVERYONE, mac(1), b"here")
        assert there[1].receive() == frame(EVERYONE, mac(1), b"there")
        assert switch.identity != other.identity


def test_it_lives_in_the_background_for_its_user_only(switch: Running) -> None:
    assert os.getsid(switch.pid) == switch.pid != os.getsid(0)
    assert switch.path.stat().st_mode & 0o777 == 0o700
    links = [Path(f"/proc/{switch.pid}/fd/{number}").readlink() for number in (0, 1, 2)]
    assert links == [Path(os.devnull)] * 3
    argv = Path(f"/proc/{switch.pid}/cmdline").read_bytes().split(b"\0")
    assert f"guest={switch.identity}".encode() in argv


def test_it_goes_when_it_is_told_and_takes_its_socket_along(switch: Running) -> None:
    card = switch.plug()
    asyncio.run(end_switch(LocalMachine(), switch.identity, deadline=Deadline.after(30)))
    assert not switch.path.exists()
    assert card.stream.recv(1) == b""


def test_a_place_that_is_taken(switch: Running) -> None:
    start = start_switch(
        LocalMachine(), "nestlab-x-net:y", str(switch.path), mtu=MTU, deadline=Deadline.after(30)
    )
    with pytest.raises(MachineError) as caught:
        asyncio.run(start)
    assert caught.value.code == "net.switch-failed"
    assert caught.value.notes == (f"{switch.path}: Address already in use",)
    assert switch.path.exists()


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "none" / "storage.net"
    with pytest.raises(MachineError) as caught:
        asyncio.run(
            start_switch(LocalMachine(), "i", str(path), mtu=MTU, deadline=Deadline.after(30))
        )
    assert caught.value.notes == (f"{path}: No such file or directory",)


def test_one_that_tells_no_process_id() -> None:
    machine = FakeMachine(programs={"python3": lambda _argv, _stdin: answer("warning\n")})
    with pytest.raises(MachineError) as caught:
        asyncio.run(start_switch(machine, "i", "/s", mtu=MTU, deadline=Deadline.after(5)))
    assert caught.value.code == "net.switch-failed"
    assert "warning" in caught.value.message


def test_one_that_does_not_end() -> None:
    machine = FakeMachine(programs={"sh": lambda _argv, _stdin: answer("4711\n", status=1)})
    with pytest.raises(CleanupError) as caught:
        asyncio.run(end_switch(machine, "nestlab-a-net:b", deadline=Deadline.after(5)))
    assert caught.value.code == "net.switch-still-running"
    assert "4711" in (caught.value.hint or "")


def test_it_needs_nothing_newer_than_python_3_6() -> None:
    ast.parse(Path(program.__file__).read_text(), feature_version=(3, 6))


def test_what_a_killed_one_left_is_in_nobody_s_way() -> None:
    with running() as switch:
        os.kill(switch.pid, signal.SIGKILL)
        deadline = Deadline.after(30)
        while asyncio.run(find_switch(LocalMachine(), switch.identity, deadline=deadline)):
            time.sleep(0.02)
        assert switch.path.exists()
        start = start_switch(
            LocalMachine(), switch.identity, str(switch.path), mtu=MTU, deadline=deadline
        )
        assert asyncio.run(start) != switch.pid
        assert asyncio.run(find_switch(LocalMachine(), switch.identity, deadline=deadline))
        one, other = switch.plug(), switch.plug()
        one.send(frame(mac(9), mac(1)))
        assert other.receive() == frame(mac(9), mac(1))
