import time

import pytest

from nestlab.errors import MachineError
from nestlab.machine.remote_command import RemoteCommand
from nestlab.machine.transcript import Transcript

STDERR = 1


class Channel:
    """Takes what is written and remembers whether it was aborted."""

    def __init__(self) -> None:
        self.written = b""
        self.ended = self.aborted = False

    def write(self, data: bytes) -> None:
        self.written += data

    def write_eof(self) -> None:
        self.ended = True

    def abort(self) -> None:
        self.aborted = True


def command() -> RemoteCommand:
    return RemoteCommand(("prog",), Transcript("T", 1000))


def test_time_runs_from_the_mark_to_the_exit() -> None:
    remote = command()
    remote.connection_made(Channel())
    time.sleep(0.05)
    remote.data_received(b"T 4711\n", STDERR)
    remote.exit_status_received(0)
    time.sleep(0.05)
    remote.connection_lost(None)
    assert 0 < remote.completed("l1").elapsed < 0.04


def test_time_of_a_program_whose_mark_comes_after_its_exit() -> None:
    remote = command()
    remote.connection_made(Channel())
    time.sleep(0.01)
    remote.exit_status_received(7)
    remote.data_received(b"T 4711\n", STDERR)
    remote.connection_lost(None)
    assert 0.01 <= remote.completed("l1").elapsed < 1


def test_no_exit_status_is_a_lost_machine() -> None:
    remote = command()
    remote.connection_made(Channel())
    remote.data_received(b"T 4711\n", STDERR)
    remote.connection_lost(ConnectionResetError("reset by peer"))
    with pytest.raises(MachineError, match="reset by peer") as caught:
        remote.completed("l1")
    assert caught.value.code == "machine.lost"


def test_stdin_is_sent_whole_and_ended() -> None:
    remote, channel = command(), Channel()
    remote.connection_made(channel)
    remote.feed(b"x" * 200_000)
    assert (len(channel.written), channel.ended) == (200_000, True)


def test_abandoned_before_it_opened() -> None:
    remote, channel = command(), Channel()
    remote.abandon()
    remote.connection_made(channel)
    assert channel.aborted
