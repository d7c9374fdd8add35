"""A lab that tests of one module share without the command line, and get anew after a loss."""

from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from loop import Loop
from nestlab.lab.record.running import Lab


@dataclass
class Booted:
    """What `bring_up` made, with all that must be closed after it."""

    bring_up: Callable[[AsyncExitStack], Coroutine[None, None, Lab]]
    loop: Loop
    lab: Lab = field(init=False)
    stack: AsyncExitStack = field(init=False)

    def boot(self) -> None:
        self.stack = AsyncExitStack()
        self.lab = self.loop.run(self.bring_up(self.stack))

    def end(self) -> None:
        self.loop.run(self.stack.aclose())

    def revive(self) -> None:
        """A new one, whatever the last test left of the old one."""
        self.end()
        self.boot()
