"""A bound on memory, on this machine's own control groups."""

import asyncio
import os
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from nestlab.bench.fence import Fence, fence
from nestlab.deadline import Deadline
from nestlab.machine.fake import FakeMachine, answer
from nestlab.machine.local import LocalMachine
from nestlab.machine.protocol import Completed
from nestlab.units import MIB

HERE = LocalMachine()
HOG = ("python3", "-c", "import sys; held = b'x' * int(sys.argv[1]); print(len(held))")


def bounded(argv: tuple[str, ...], memory: int) -> tuple[Fence, Completed]:
    async def run() -> tuple[Fence, Completed]:
        async with AsyncExitStack() as stack:
            found = await fence(HERE, f"test{os.getpid()}", memory, stack)
            done = await HERE.run(found.around(argv), deadline=Deadline.after(60))
            return found, done

    return asyncio.run(run())


@pytest.fixture(scope="module")
def _groups() -> None:
    found, _ = bounded(("true",), 64 * MIB)
    if found.folder is None:
        pytest.skip(f"no bound can be had here: {found.why}")


@pytest.mark.usefixtures("_groups")
def test_what_is_inside_gets_no_more() -> None:
    _, small = bounded((*HOG, str(1 * MIB)), 64 * MIB)
    assert small.text == f"{1 * MIB}\n"
    found, large = bounded((*HOG, str(256 * MIB)), 64 * MIB)
    assert (large.status, large.signal) != (0, None)
    assert found.folder is not None
    assert not Path(found.folder).exists()


@pytest.mark.usefixtures("_groups")
def test_what_is_left_in_it_is_ended_with_it() -> None:
    found, done = bounded(("sh", "-c", "sleep 600 >/dev/null 2>&1 & echo $!"), 64 * MIB)
    assert found.folder is not None
    assert not Path(found.folder).exists()
    state = Path(f"/proc/{done.text.strip()}/stat")
    assert not state.exists() or state.read_text().split()[2] == "Z"


@pytest.mark.usefixtures("_groups")
def test_the_words_of_the_command_travel_as_they_are() -> None:
    _, done = bounded(("printf", "%s|", "a b", "$0", "'"), 64 * MIB)
    assert done.text == "a b|$0|'|"


def test_where_there_is_none_it_is_said_why() -> None:
    refused = answer("its control groups do not control memory\n", status=1)
    machine = FakeMachine(programs={"sh": lambda _argv, _stdin: refused})

    async def ask() -> Fence:
        async with AsyncExitStack() as stack:
            return await fence(machine, "test", MIB, stack)

    found = asyncio.run(ask())
    assert found.folder is None
    assert found.why == "its control groups do not control memory"
    assert found.around(("true",)) == ("true",)
