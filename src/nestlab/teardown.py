"""Clean-up that never hides what went wrong first."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from types import TracebackType

from nestlab.errors import NestlabError

_INTERRUPTIONS = (asyncio.CancelledError, KeyboardInterrupt)


def on_exit(stack: AsyncExitStack, cleanup: Callable[[], Awaitable[None]]) -> None:
    """Run `cleanup` when the stack unwinds.

    When it fails while an error is on its way out, it becomes a note of that error, also of one
    that is a bug; else it is raised itself, also when the work was interrupted: 130 promises a
    clean teardown.
    """

    async def leave(
        _kind: type[BaseException] | None,
        first: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        try:
            await cleanup()
        except Exception as problem:
            if first is None or isinstance(first, _INTERRUPTIONS):
                raise
            first.add_note(_told(problem))

    stack.push_async_exit(leave)


def _told(problem: Exception) -> str:
    known = isinstance(problem, NestlabError)
    return str(problem) if known else f"{type(problem).__name__}: {problem}"
