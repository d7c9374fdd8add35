"""What every back end offers: boot a plan, get a machine."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from nestlab.deadline import Deadline
from nestlab.facts.model import Facts
from nestlab.hypervisor.accelerator import Accelerator
from nestlab.hypervisor.plan import GuestPlan
from nestlab.image.seed import Seed
from nestlab.machine.protocol import Machine

Stage = Callable[[str], None]
"""Told what a guest is doing: `kernel is up`."""

LOGGING_IN = "logging in"
"""The stage after the console said that the guest is ready, or nothing in time."""

KERNEL_UP = "kernel is up"
"""The stage that the init of a built image tells first; other images do not."""


@dataclass(frozen=True)
class Login:
    """How a guest is entered: one key of ours, one host key of its own."""

    username: str
    client_key: Path
    host_key: str


@dataclass(frozen=True)
class Guest:
    """A guest that is up.

    machine      its shell
    pid          its QEMU on the hypervisor's machine
    ssh_port     the port of that machine's loopback that leads to its sshd
    kvm_enabled  QMP `query-kvm`
    qemu_version as QEMU says it
    firmware     what starts a kernel of ours there; None: QEMU's default
    """

    plan: GuestPlan
    machine: Machine
    pid: int
    ssh_port: int
    kvm_enabled: bool
    qemu_version: str
    firmware: str | None = None


@dataclass(frozen=True)
class Order:
    """Everything that one boot needs besides the plan.

    evidence  local folder that gets the console and QEMU logs when the guest goes
    fresh     whether the guest gets a new disk; else it starts from the one that it has, which
              stays whatever happens
    kept      asked when the context is left without an error: true leaves the guest running. Only
              the back end can do that: a context that is dropped instead of left is closed by
              asyncio, and that would take the guest down
    """

    plan: GuestPlan
    seed: Seed
    login: Login
    evidence: Path
    stage: Stage
    deadline: Deadline
    fresh: bool = True
    kept: Callable[[], bool] = lambda: False


class Hypervisor(Protocol):
    """A machine that can start guests."""

    @property
    def machine(self) -> Machine:
        """The machine whose shell starts the guests."""
        ...

    @property
    def facts(self) -> Facts:
        """What was true of it when it was promoted."""
        ...

    @property
    def accelerator(self) -> Accelerator:
        """What its guests run with."""
        ...

    def boot(self, order: Order) -> AbstractAsyncContextManager[Guest]:
        """Start a guest and wait for its shell; leaving the context takes it down unless kept.

        Raises HostError `qemu.missing`; MachineError `guest.*`, `qmp.*`, `ssh.*`, `machine.*`.
        """
        ...

    async def grow(self, plan: GuestPlan, pid: int, *, deadline: Deadline) -> None:
        """Give the root disk of a guest that runs the size of its plan; never a smaller one.

        Raises MachineError `qmp.*`, `libvirt.*`, `guest.disk-not-grown`, `machine.*`.
        """
        ...

    async def adopt(self, order: Order, pid: int, ssh_port: int) -> Guest:
        """A guest that runs already, from the plan that it was started by; nothing is changed.

        Raises MachineError `guest.no-answer`, `qmp.*`, `ssh.*`, `machine.*`.
        """
        ...
