"""A lab for programs with asyncio."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from nestlab.api.machine import LabMachine, Ways
from nestlab.events import Sink, discard
from nestlab.home import Home
from nestlab.hypervisor.accelerator import Wanted
from nestlab.lab.build.reconcile import Terms
from nestlab.lab.change import control
from nestlab.lab.change.down import down
from nestlab.lab.change.up import up
from nestlab.lab.record.known import find_lab, named
from nestlab.lab.record.state import LabState
from nestlab.lab.wanted.fit import fit
from nestlab.lab.wanted.from_file import guests_of, networks_of
from nestlab.lab.wanted.goal import Goal
from nestlab.lab.wanted.spec import GuestSpec, NetworkSpec
from nestlab.spec.load import load


@dataclass
class Lab:
    """A lab: up inside its `async with`, gone afterwards if it was not up before.

    name    no two labs of a user have the same
    guests  what is brought up; None: what is there is taken as it is
    host    the machine at its root as `ssh` takes it; None: this one
    keep    leave it up when the context ends
    sink    told what happens, while it happens
    """

    name: str
    guests: Sequence[GuestSpec] | None = None
    networks: Sequence[NetworkSpec] = ()
    host: str | None = None
    accel: Wanted = "auto"
    boot_timeout: float = 300.0
    keep: bool = False
    sink: Sink = field(default=discard, repr=False)
    home: Home = field(default_factory=Home.from_environment, repr=False)

    @classmethod
    def from_file(
        cls,
        file: str | Path,
        *,
        name: str | None = None,
        host: str | None = None,
        accel: Wanted = "auto",
        boot_timeout: float = 300.0,
        keep: bool = False,
        sink: Sink = discard,
    ) -> Self:
        """The lab that a file describes; nothing is started yet.

        name  in place of the name that the file gives

        Raises UsageError: `lab-file.*`, `lab.not-yet`, `lab.does-not-fit`, `lab.no-such-file`.
        """
        spec = load(file)
        guests = guests_of(spec, Path(file))
        fit(guests)
        return cls(
            name or spec.name, guests, networks_of(spec), host, accel, boot_timeout, keep, sink
        )

    @classmethod
    def running(cls, name: str | None = None) -> Self:
        """A lab that is there, by its name or id; None: the only one. It is left as it is.

        Raises StoredDataError `lab.unknown`.
        """
        home = Home.from_environment()
        _, state = find_lab(home, name)
        return cls(state.name or state.id, None, (), state.host, keep=True, home=home)

    async def __aenter__(self) -> Self:
        """Bring it up. Raises NestlabError: all that can go wrong on the way."""
        self._stack = AsyncExitStack()
        if self.guests is not None:
            there = named(self.home, self.name) is not None
            goal = Goal(self.name, self.guests, self.networks, self.host)
            await up(goal, self._terms, self.home, self.sink)
            if not (self.keep or there):
                self._stack.push_async_callback(self._down)
        self._ways = await self._stack.enter_async_context(Ways(self._found))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    def __getitem__(self, path: str) -> LabMachine:
        """The machine at `path`: `l1/l2`; `l0` is the host. It is entered when it is used."""
        return LabMachine(path, self._ways)

    @property
    def state(self) -> LabState:
        """What is known of the lab now."""
        return self._found()[1]

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths of its guests, in the order in which they were made."""
        return tuple(guest.path for guest in self.state.guests)

    async def stop(self, path: str = "l0") -> None:
        """Switch a machine and all in it off; their disks stay. Raises as `nestlab stop`."""
        await self._ways.close()
        await control.stop(self._found(), path, self.sink)

    async def start(self, path: str = "l0") -> None:
        """Start a machine, its ancestors and all in it. Raises as `nestlab start`."""
        await control.start(self._found(), path, self._terms, self.home, self.sink)

    async def reboot(self, path: str) -> None:
        """Stop a machine and start it, with what ran in it. Raises as `nestlab reboot`."""
        await self._ways.close()
        await control.reboot(self._found(), path, self._terms, self.home, self.sink)

    @property
    def _terms(self) -> Terms:
        return Terms(self.accel, self.boot_timeout)

    def _found(self) -> tuple[Path, LabState]:
        return find_lab(self.home, self.name)

    async def _down(self) -> None:
        await down(*self._found(), sink=self.sink)
