"""Ctrl-C and SIGTERM: the work is cancelled once, the teardown is let run."""

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import TypeVar

T = TypeVar("T")


def run_interruptible(
    work: Coroutine[None, None, T],
    tell: Callable[[str], None],
    *,
    stopping: str = "taking everything down …",
) -> T:
    """`asyncio.run` in which the first SIGINT, SIGTERM or SIGHUP cancels the work.

    The context managers of the work take everything down; further signals only say so. Then the
    process exits with 128 + the signal's number.

    stopping  what is told when the first signal came
    """
    caught: list[signal.Signals] = []

    async def supervised() -> T:
        loop = asyncio.get_running_loop()
        task = asyncio.ensure_future(work)

        def on_signal(number: signal.Signals) -> None:
            caught.append(number)
            tell(stopping if len(caught) == 1 else "still cleaning up …")
            if len(caught) == 1:
                task.cancel()

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, on_signal, number)
        return await task

    try:
        return asyncio.run(supervised())
    except asyncio.CancelledError:
        if caught:
            sys.exit(128 + caught[0])
        raise
