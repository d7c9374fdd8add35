"""A machine whose programs print without end: memory is bounded, and the command ends."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from machine_worlds import Subject, World, gone, soon
from nestlab.errors import MachineError
from nestlab.machine.protocol import OUTPUT_LIMIT

TWO_GB = ("head", "-c", "2G", "/dev/zero")
ENDLESS = ("yes", "an endless line that no other test prints")
SPARE = 64 << 20
"""Bytes for buffers on the way and for growing what is kept."""


def peak() -> Callable[[], int]:
    """Starts to count; the function says by how many bytes the process was larger at its largest.

    VmHWM of proc_pid_status(5) can be set back, which getrusage(2)'s maximum cannot.
    """
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError as problem:
        pytest.skip(f"the high-water mark cannot be set back here: {problem}")
    before = _high_water()
    return lambda: _high_water() - before


def _high_water() -> int:
    match = re.search(r"^VmHWM:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert match is not None
    return int(match[1]) * 1024


def real_only(world: World) -> None:
    if world.kind == "fake":
        pytest.skip("about real processes")


def test_two_gigabytes_are_thrown_away(world: World) -> None:
    real_only(world)

    async def story(on: Subject) -> None:
        await on.machine.run(("true",), deadline=soon())
        grown = peak()
        done = await on.machine.run(TWO_GB, deadline=soon(300), limit=1 << 20)
        assert grown() < SPARE
        assert (done.status, done.truncated, len(done.stdout)) == (0, True, 1 << 20)

    world.play(story)


def test_the_usual_limit_bounds_memory_too(world: World) -> None:
    real_only(world)

    async def story(on: Subject) -> None:
        grown = peak()
        half = ("head", "-c", str(8 * OUTPUT_LIMIT), "/dev/zero")
        done = await on.machine.run(half, deadline=soon(300))
        assert grown() < 3 * OUTPUT_LIMIT
        assert (done.status, done.truncated, len(done.stdout)) == (0, True, OUTPUT_LIMIT)

    world.play(story)


def test_output_without_end_ends_at_the_deadline(world: World) -> None:
    real_only(world)

    async def story(on: Subject) -> None:
        grown = peak()
        with pytest.raises(MachineError) as caught:
            await on.machine.run(ENDLESS, deadline=soon(1), limit=1 << 20)
        assert caught.value.code == "machine.deadline"
        assert grown() < SPARE
        assert sum(map(len, caught.value.notes)) < 20_000
        assert await gone(on, ENDLESS)

    world.play(story)
