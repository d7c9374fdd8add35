"""Clean-up on the way out: whatever went wrong first is what is told."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from nestlab.errors import CleanupError, MachineError
from nestlab.teardown import on_exit

PROBLEM = CleanupError("guest.still-running", "it does not end")


def leave(first: BaseException | None, *cleanups: Exception | None) -> BaseException | None:
    """What comes out of a context whose clean-ups fail like this."""

    async def work() -> None:
        async with AsyncExitStack() as stack:
            for problem in cleanups:
                on_exit(stack, lambda problem=problem: clean_up(problem))  # type: ignore[misc]
            if first:
                raise first

    async def clean_up(problem: Exception | None) -> None:
        if problem:
            raise problem

    try:
        asyncio.run(work())
    except BaseException as caught:  # noqa: BLE001  (interruptions as well)
        return caught
    return None


def notes(problem: BaseException | None) -> list[str]:
    return getattr(problem, "__notes__", [])


def test_all_is_well() -> None:
    assert leave(None, None, None) is None


def test_only_the_clean_up_failed() -> None:
    assert leave(None, PROBLEM) is PROBLEM


@pytest.mark.parametrize("interruption", [asyncio.CancelledError(), KeyboardInterrupt()])
def test_an_interruption_promises_a_clean_teardown(interruption: BaseException) -> None:
    assert leave(interruption, PROBLEM) is PROBLEM


@pytest.mark.parametrize(
    "first",
    [
        MachineError("guest.panicked", "no init"),
        ZeroDivisionError("a bug of ours"),
        OSError(28, "No space left on device"),
        TimeoutError(),
        SystemExit(3),
    ],
)
def test_the_first_error_is_never_hidden(first: BaseException) -> None:
    assert leave(first, PROBLEM) is first
    assert notes(first) == ["guest.still-running: it does not end"]


def test_a_bug_in_the_clean_up_hides_nothing_either() -> None:
    first = MachineError("guest.panicked", "no init")
    assert leave(first, ZeroDivisionError("division by zero")) is first
    assert notes(first) == ["ZeroDivisionError: division by zero"]
    assert isinstance(leave(None, ZeroDivisionError()), ZeroDivisionError)


def test_every_clean_up_is_run_and_the_first_that_fails_counts() -> None:
    other = CleanupError("lab.not-removed", "busy")
    assert leave(None, other, PROBLEM) is PROBLEM
    assert notes(PROBLEM) == ["lab.not-removed: busy"]
