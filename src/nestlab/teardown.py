"""Clean-up that never hides what went wrong first."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from types import TracebackType

from nestlab.errors import NestlabError


def on_exit(stack: AsyncExitStack, cleanup: Callable[[], Awaitable[None]]) -> None:
    """Run `cleanup` when the stack unwinds.

    When it fails while an error of ours is on its way out, it becomes a note of that error; else it
    is raised itself, also when the work was interrupted: 130 promises a clean teardown.
    """

    async def leave(
        _kind: type[BaseException] | None,
        first: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        try:
            await cleanup()
        except NestlabError as problem:
            if not isinstance(first, NestlabError):
                raise
            first.add_note(str(problem))

    stack.push_async_exit(leave)
