"""How many guests of a lab start their kernels at once."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from nestlab.hypervisor.protocol import KERNEL_UP, LOGGING_IN, Stage

_FAR_ENOUGH = frozenset({KERNEL_UP, LOGGING_IN})
"""A kernel boots for longer than all else takes, and until the next guest's kernel starts its QEMU
has to."""


@dataclass
class Turn:
    """One guest's turn; it ends once its kernel is up, as only that wants a CPU for itself."""

    free: asyncio.Semaphore
    is_over: bool = False

    def watch(self, tell: Stage) -> Stage:
        """Pass stages on, and end the turn at the one that is far enough."""

        def told(stage: str) -> None:
            tell(stage)
            if stage in _FAR_ENOUGH:
                self.end()

        return told

    def end(self) -> None:
        """The next one may start; more than once is the same as once."""
        if not self.is_over:
            self.is_over = True
            self.free.release()


class Turns:
    """So many guests at once; the others wait."""

    def __init__(self, at_once: int) -> None:
        self._free = asyncio.Semaphore(at_once)

    @property
    def all_taken(self) -> bool:
        """Whether the next one has to wait."""
        return self._free.locked()

    @contextlib.asynccontextmanager
    async def take(self) -> AsyncIterator[Turn]:
        """Wait for a turn; it ends with the context at the latest."""
        await self._free.acquire()
        turn = Turn(self._free)
        try:
            yield turn
        finally:
            turn.end()
