"""Tasks that belong to somebody, so none is forgotten."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


@contextlib.asynccontextmanager
async def meanwhile(work: Coroutine[Any, Any, T]) -> AsyncIterator[asyncio.Task[T]]:
    """Work in the background, which ends with the context at the latest."""
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class TaskSet:
    """The background tasks of one machine; they end with it."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Start a task and hold it until it ends."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._forget)
        return task

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # seen: whoever waits for the task gets it, nobody else needs it

    async def settle(self, opening: Coroutine[Any, Any, T], discard: Callable[[T], object]) -> T:
        """Await an opening; when cancelled, discard what it opens later rather than leak it."""
        task = self.spawn(opening)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(lambda done: _discard(done, discard))
            raise

    async def cancel_all(self) -> None:
        """Cancel what still runs and wait for its end."""
        # A task that is cancelled before its first step never reaches its own clean-up.
        await asyncio.sleep(0)
        tasks = self._tasks - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def join(self) -> None:
        """Wait for the end of all, whatever it is."""
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _discard(opened: asyncio.Task[T], discard: Callable[[T], object]) -> None:
    if not opened.cancelled() and opened.exception() is None:
        discard(opened.result())
