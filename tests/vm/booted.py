"""A lab that tests of one module share without the command line, and get anew after a loss."""

from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from loop import Loop
from nestlab.deadline import Deadline
from nestlab.events import Sink
from nestlab.home import Home
from nestlab.hypervisor.plan import base_image
from nestlab.hypervisor.promote import promote
from nestlab.image.store import Image
from nestlab.lab.build.chain import bring_up_new
from nestlab.lab.record.running import Lab
from nestlab.lab.wanted.request import Request
from nestlab.lab.wanted.spec import chain_of
from nestlab.machine.local import LocalMachine


@dataclass
class Booted:
    """A chain of so many levels, with all that must be closed after it."""

    depth: int
    image: Image
    home: Home
    evidence: Path
    sink: Sink
    loop: Loop
    lab: Lab = field(init=False)
    stack: AsyncExitStack = field(init=False)

    def boot(self) -> None:
        self.stack = AsyncExitStack()
        self.lab = self.loop.run(self._up())

    async def _up(self) -> Lab:
        host = await promote(LocalMachine(), "auto", ours=False, deadline=Deadline.after(60))
        images = {"debian-12": base_image(self.image)}
        request = Request(chain_of(self.depth), images, boot_timeout=300, attempts=3)
        up = bring_up_new(request, self.home, host, evidence=self.evidence, sink=self.sink)
        return await self.stack.enter_async_context(up)

    def end(self) -> None:
        self.loop.run(self.stack.aclose())

    def revive(self) -> None:
        """A new one, whatever the last test left of the old one."""
        self.end()
        self.boot()
