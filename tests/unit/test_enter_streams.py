"""What passes through: marks on stderr, logs of guests, our own descriptors."""

import asyncio
import itertools
import os
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nestlab.lab.enter.client import terminal_command
from nestlab.lab.enter.descriptors import read_on, write_all
from nestlab.lab.enter.logs import Harmless
from nestlab.lab.enter.marks import Marks

TOKEN = "nestlab01234567"


def passed(marks: Marks, data: bytes, cuts: list[int]) -> bytes:
    """What a program's stderr is, when it comes in pieces."""
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    pieces = [data[a:b] for a, b in itertools.pairwise(edges)]
    return b"".join(marks.take(piece) for piece in pieces) + marks.finish()


CUTS = st.lists(st.integers(0, 1000), max_size=8)


@given(st.binary(max_size=200), CUTS)
def test_a_programs_words_are_untouched(words: bytes, cuts: list[int]) -> None:
    marks = Marks(TOKEN)
    assert passed(marks, b"noise\n%b 42\n%b" % (TOKEN.encode(), words), cuts) == words
    assert (marks.group, marks.refused, marks.noise) == (42, None, b"noise\n")


@given(st.binary(max_size=60), CUTS, st.sampled_from([126, 127]))
def test_a_refusal_is_taken_out(words: bytes, cuts: list[int], status: int) -> None:
    marks = Marks(TOKEN)
    mark = TOKEN.encode()
    whole = b"%b 42\n%b%b %d\n" % (mark, words, mark, status)
    assert passed(marks, whole, cuts) == words
    assert marks.refused == status


@given(CUTS)
def test_a_mark_in_the_midst_is_the_programs_own(cuts: list[int]) -> None:
    marks = Marks(TOKEN)
    words = b"%b 127\nand more of it, long enough" % TOKEN.encode()
    assert passed(marks, b"%b 1\n%b" % (TOKEN.encode(), words), cuts) == words
    assert marks.refused is None


def test_what_is_beyond_doubt_is_not_held_back() -> None:
    marks = Marks(TOKEN)
    assert marks.take(f"{TOKEN} 42\nprompt: ".encode()) == b"prompt: "


def test_a_shell_that_never_starts_it_does_not_fill_memory() -> None:
    marks = Marks(TOKEN)
    for _ in range(100):
        assert marks.take(b"x" * 100_000) == b""
    assert len(marks.noise) <= 4096
    assert marks.group is None


@given(st.binary(max_size=300), CUTS)
def test_a_log_is_harmless_however_it_comes(data: bytes, cuts: list[int]) -> None:
    shown = Harmless()
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    text = "".join(shown.take(data[a:b]) for a, b in itertools.pairwise(edges))
    text += shown.rest()
    assert all(char.isprintable() or char in "\n\t" for char in text)
    assert text.count("\n") == data.count(b"\n")
    whole = Harmless()
    assert whole.take(data) + whole.rest() == text


def test_a_log_without_newlines_is_shown_in_parts() -> None:
    shown = Harmless()
    assert sum(len(shown.take(b"x" * 10_000)) for _ in range(100)) > 900_000


def test_a_command_on_a_terminal_keeps_its_words() -> None:
    words = terminal_command(["printf", "%s", "a 'b' $c"])
    assert words == "trap : INT QUIT; 'printf' '%s' 'a '\\''b'\\'' $c'; exit $?"


async def collected(descriptor: int) -> list[bytes]:
    found = []

    async def take(data: bytes) -> None:
        found.append(data)

    await read_on(descriptor, take)
    return found


def test_a_pipe_is_read_to_its_end() -> None:
    ours, theirs = os.pipe()
    os.write(theirs, b"words")
    os.close(theirs)
    assert asyncio.run(collected(ours)) == [b"words", b""]
    os.close(ours)


def test_a_reader_that_waits_can_be_stopped() -> None:
    ours, theirs = os.pipe()

    async def story() -> None:
        task = asyncio.create_task(collected(ours))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    started = time.monotonic()
    asyncio.run(story())
    assert time.monotonic() - started < 3
    os.close(ours)
    os.close(theirs)


def test_a_writer_waits_for_its_reader_and_can_be_stopped() -> None:
    ours, theirs = os.pipe()
    data = os.urandom(1 << 20)
    found = bytearray()

    def read() -> None:
        while len(found) < len(data):
            found.extend(os.read(ours, 65536))

    reader = threading.Thread(target=read)
    reader.start()
    asyncio.run(write_all(theirs, data))
    reader.join()
    assert bytes(found) == data

    async def stopped() -> None:
        async with asyncio.timeout(0.2):
            await write_all(theirs, data)

    with pytest.raises(TimeoutError):
        asyncio.run(stopped())
    os.close(ours)
    with pytest.raises(BrokenPipeError):
        asyncio.run(write_all(theirs, b"x"))
    os.close(theirs)
