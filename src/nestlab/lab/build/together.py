"""Several pieces of work at once, of which the first error is the one that counts."""

import asyncio
from collections.abc import Coroutine, Iterable


async def together(works: Iterable[Coroutine[None, None, None]]) -> None:
    """Run all to their end; when one fails the others are cancelled, and its error is raised."""
    tasks: list[asyncio.Task[None]] = []
    try:
        async with asyncio.TaskGroup() as group:
            tasks += [group.create_task(work) for work in works]
    except BaseExceptionGroup as several:
        raise several.exceptions[0] from None
