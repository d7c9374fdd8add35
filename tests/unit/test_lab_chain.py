"""Bringing a lab up and down on a hypervisor that boots guests in memory."""

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from facts_examples import document, facts
from lab_examples import home
from nestlab.deadline import Deadline
from nestlab.errors import CleanupError, MachineError, NestlabError
from nestlab.events import Event, Notice, Progress, State
from nestlab.facts.model import Facts
from nestlab.hypervisor.accelerator import Accelerator
from nestlab.hypervisor.plan import BaseImage, GuestPlan
from nestlab.hypervisor.protocol import Guest, Order
from nestlab.lab.build.chain import bring_up_new
from nestlab.lab.record.running import Lab
from nestlab.lab.record.state import LabState, load_state
from nestlab.lab.wanted.request import Request
from nestlab.lab.wanted.spec import chain_of
from nestlab.machine.fake import FakeMachine, answer
from nestlab.machine.path import level_of, parent_of
from nestlab.machine.protocol import Completed, Machine
from nestlab.net.mtu import ETHERNET, TUNNEL
from plan_examples import KVM, TCG

IMAGES = {"debian-12": BaseImage("/images/debian/disk.img", "/images/debian/vmlinuz")}


def pinged(argv: tuple[str, ...], mtu: int) -> Completed:
    """What iputils' ping says where packets of `mtu` bytes get through."""
    size = int(argv[argv.index("-s") + 1]) + 28
    if size > mtu:
        return answer(status=1, stderr=f"ping: local error: message too long, mtu={mtu}\n")
    return answer("1 packets transmitted, 1 received, 0% packet loss, time 0ms\n")


def guest_machine(path: str, **found: Any) -> FakeMachine:
    """A guest that tells its facts and its lscpu."""
    lscpu = {
        "Virtualization:": "AMD-V",
        "Hypervisor vendor:": found.pop("vendor", "KVM"),
        "Virtualization type:": "full",
    }
    printed = [{"field": name, "data": data} for name, data in lscpu.items()]

    def plays(stdout: object) -> Any:
        return lambda _argv, _stdin: answer(json.dumps(stdout))

    def env(argv: tuple[str, ...], _stdin: bytes) -> Completed:
        if "ping" in argv:
            return pinged(argv, ETHERNET - TUNNEL * level_of(path))
        return answer(json.dumps({"lscpu": printed}))

    tools: dict[str, Any] = {
        "python3": plays(document(**found)),
        "env": env,
        "modprobe": plays(None),
        "qemu-system-x86_64": lambda _argv, _stdin: answer("user\nstream\n"),
    }
    return FakeMachine(path, programs=tools)


@dataclass
class MemoryHypervisor:
    """Boots FakeMachines; `log` has what happened."""

    accelerator: Accelerator = TCG
    machine: Machine = field(default_factory=lambda: guest_machine("l0"))
    facts: Facts = field(default_factory=facts)
    guest: FakeMachine = field(default_factory=lambda: guest_machine("l1"))
    boot_error: NestlabError | None = None
    adopt_error: NestlabError | None = None
    end_error: NestlabError | None = None
    without_kvm: bool = False
    log: list[str] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)

    @contextlib.asynccontextmanager
    async def boot(self, order: Order) -> AsyncIterator[Guest]:
        """See `Hypervisor.boot`."""
        self.orders.append(order)
        self.log.append("boot")
        if self.boot_error:
            raise self.boot_error
        order.stage("logging in")
        async with AsyncExitStack() as stack:
            stack.callback(self._end)
            yield self._guest(order, 4711, 34567)
            if order.kept():
                stack.pop_all()

    async def adopt(self, order: Order, pid: int, ssh_port: int) -> Guest:
        """See `Hypervisor.adopt`."""
        self.orders.append(order)
        self.log.append("adopt")
        if self.adopt_error:
            raise self.adopt_error
        return self._guest(order, pid, ssh_port)

    async def grow(self, plan: GuestPlan, pid: int, *, deadline: Deadline) -> None:
        """See `Hypervisor.grow`."""
        self.log.append(f"grow {pid} to {plan.disk}")

    def _guest(self, order: Order, pid: int, ssh_port: int) -> Guest:
        kvm = order.plan.accelerator.name == "kvm" and not self.without_kvm
        return Guest(order.plan, self.guest, pid, ssh_port, kvm, "7.2.22")

    def _end(self) -> None:
        self.log.append("end")
        if self.end_error:
            raise self.end_error


@dataclass
class Stay:
    """What a test does while the lab is up, and what it saw."""

    events: list[Event] = field(default_factory=list)
    lab: Lab | None = None
    state: LabState | None = None
    problem: BaseException | None = None
    keep: bool = False

    async def visit(self, host: MemoryHypervisor, base: Path) -> None:
        request = Request(chain_of(1), IMAGES, boot_timeout=5)
        evidence = base / "evidence"
        up = bring_up_new(request, home(base), host, evidence=evidence, sink=self.events.append)
        async with up as lab:
            self.lab, self.state = lab, lab.state
            assert load_state(lab.folder) == lab.state
            if self.keep:
                lab.keep()
            if self.problem:
                raise self.problem


def stay(host: MemoryHypervisor, base: Path, **wishes: Any) -> Stay:
    visit = Stay(**wishes)
    asyncio.run(visit.visit(host, base))
    return visit


def left(base: Path) -> list[Path]:
    return list(home(base).labs.iterdir())


def test_a_lab_comes_and_goes(tmp_path: Path) -> None:
    host = MemoryHypervisor()
    visit = stay(host, tmp_path)
    assert host.log == ["boot", "end"]
    assert visit.lab
    assert [level.machine.path for level in visit.lab.levels] == ["l0", "l1"]
    assert left(tmp_path) == []
    assert not Path(visit.lab.state.sockets).exists()
    (order,) = host.orders
    assert order.evidence == tmp_path / "evidence" / "l1"
    assert order.seed.hostname == "l1"
    assert order.seed.host_key_public == order.login.host_key
    assert order.seed.authorized_key.startswith("ssh-ed25519 ")
    assert len(order.seed.machine_id) == 32
    steps = [event for event in visit.events if isinstance(event, Progress)]
    assert steps[0] == Progress("l1", "logging in")
    assert steps[-1].state is State.DONE
    assert any(step.step.startswith("up after ") for step in steps)


def test_a_guest_is_recorded_before_it_is_started_and_when_it_is_up(tmp_path: Path) -> None:
    seen: list[tuple[str, int | None]] = []

    class Watching(MemoryHypervisor):
        def boot(self, order: Order) -> Any:
            (folder,) = home(tmp_path).labs.iterdir()
            seen.extend((guest.identity, guest.pid) for guest in load_state(folder).guests)
            return super().boot(order)

    visit = stay(Watching(), tmp_path)
    assert visit.lab
    assert seen == [(f"nestlab-{visit.lab.state.id}-l1", None)]
    assert visit.state
    (record,) = visit.state.guests
    assert (record.pid, record.ssh_port, record.ready) == (4711, 34567, True)
    assert visit.lab.state.guests == ()


def test_a_lab_that_is_kept_stays(tmp_path: Path) -> None:
    host = MemoryHypervisor()
    visit = stay(host, tmp_path, keep=True)
    assert host.log == ["boot"]
    assert visit.lab
    state = load_state(visit.lab.folder)
    assert state.kept
    assert (visit.lab.folder / "id_ed25519").stat().st_mode & 0o777 == 0o600
    Path(state.sockets).rmdir()


def test_what_fails_after_it_was_told_to_keep_takes_it_down(tmp_path: Path) -> None:
    host = MemoryHypervisor()
    with pytest.raises(ZeroDivisionError):
        stay(host, tmp_path, keep=True, problem=ZeroDivisionError())
    assert host.log == ["boot", "end"]
    assert left(tmp_path) == []


def test_a_boot_that_fails_leaves_nothing(tmp_path: Path) -> None:
    problem = MachineError("guest.panicked", "no init")
    with pytest.raises(MachineError) as caught:
        stay(MemoryHypervisor(boot_error=problem), tmp_path)
    assert caught.value is problem
    assert left(tmp_path) == []


def test_what_fails_while_it_is_up_takes_it_down(tmp_path: Path) -> None:
    host = MemoryHypervisor()
    with pytest.raises(ZeroDivisionError):
        stay(host, tmp_path, problem=ZeroDivisionError())
    assert host.log == ["boot", "end"]
    assert left(tmp_path) == []


def test_a_failing_teardown_is_the_error_when_all_else_was_well(tmp_path: Path) -> None:
    problem = CleanupError("guest.still-running", "it does not end")
    with pytest.raises(CleanupError) as caught:
        stay(MemoryHypervisor(end_error=problem), tmp_path)
    assert caught.value is problem
    assert left(tmp_path) == []


def test_an_interruption_takes_it_down(tmp_path: Path) -> None:
    host = MemoryHypervisor()
    with pytest.raises(asyncio.CancelledError):
        stay(host, tmp_path, problem=asyncio.CancelledError())
    assert host.log == ["boot", "end"]
    assert left(tmp_path) == []


def test_every_level_is_proved_with_a_line(tmp_path: Path) -> None:
    visit = stay(MemoryHypervisor(), tmp_path)
    lines = [event.text for event in visit.events if isinstance(event, Notice)]
    assert [line.partition(":")[0] for line in lines] == ["l0", "l1"]
    assert "emulated by TCG" in lines[1]


def test_the_first_broken_link_ends_it(tmp_path: Path) -> None:
    host = MemoryHypervisor(accelerator=KVM, without_kvm=True)
    with pytest.raises(MachineError) as caught:
        stay(host, tmp_path)
    assert caught.value.code == "verify.not-kvm"
    assert caught.value.where == "l1, while verifying it"
    assert host.log == ["boot", "end"]


@pytest.mark.parametrize("accelerator", [TCG, KVM])
def test_what_runs_in_an_emulated_guest_is_emulated(
    tmp_path: Path, accelerator: Accelerator
) -> None:
    lab = stay(MemoryHypervisor(accelerator=accelerator), tmp_path).lab
    assert lab
    assert not lab.emulated("l0")
    assert lab.emulated("l1") is lab.emulated("l1/l2") is accelerator.emulated
    assert not lab.emulated("l10")


def test_parents() -> None:
    assert [parent_of(path) for path in ("l1", "l1/l2", "l1/l2/l3")] == ["l0", "l1", "l1/l2"]


def test_a_guest_whose_facts_cannot_be_read_ends_it(tmp_path: Path) -> None:
    host = MemoryHypervisor()

    def broken(_argv: tuple[str, ...], _stdin: bytes) -> Completed:
        return answer(status=1, stderr="Killed\n")

    host.guest.programs["python3"] = broken
    with pytest.raises(MachineError) as caught:
        stay(host, tmp_path)
    assert caught.value.code == "facts.unreadable"
    assert host.log == ["boot", "end"]


@dataclass
class Losing(MemoryHypervisor):
    """Its guest comes up and is then lost, `losses` times: by default when it tells its facts."""

    losses: int = 1
    asked: str = "python3"
    code: str = "machine.lost"

    @contextlib.asynccontextmanager
    async def boot(self, order: Order) -> AsyncIterator[Guest]:
        """See `Hypervisor.boot`."""
        self.losses -= 1
        self.guest = guest_machine("l1")
        if self.losses >= 0:
            self.guest.programs[self.asked] = self._lose
        async with super().boot(order) as guest:
            yield guest

    def _lose(self, _argv: object, _stdin: object) -> Completed:
        raise MachineError(self.code, "connection to l1 is silent")


def bring(host: MemoryHypervisor, base: Path, attempts: int = 3) -> list[Event]:
    events: list[Event] = []

    async def visit() -> None:
        request = Request(chain_of(1), IMAGES, boot_timeout=5, attempts=attempts)
        evidence = base / "evidence"
        up = bring_up_new(request, home(base), host, evidence=evidence, sink=events.append)
        async with up as lab:
            assert [level.machine.path for level in lab.levels] == ["l0", "l1"]
            assert len(left(base)) == 1

    asyncio.run(visit())
    return events


def attempts_told(events: list[Event]) -> list[str]:
    """What was lost, and which attempt followed."""
    told = [event.text for event in events if isinstance(event, Notice)]
    found = (re.match(r"(\S+) was lost, .* again \((.*)\)$", text) for text in told)
    return [f"{match[1]}: {match[2]}" for match in found if match]


@pytest.mark.parametrize("asked", ["python3", "env"], ids=["facts", "proof"])
def test_an_emulated_chain_that_is_lost_on_its_way_is_started_again(
    asked: str, tmp_path: Path
) -> None:
    host = Losing(losses=2, asked=asked)
    events = bring(host, tmp_path)
    assert host.log == ["boot", "end"] * 3
    assert attempts_told(events) == ["l1: attempt 2 of 3", "l1: attempt 3 of 3"]
    evidence = [order.evidence.relative_to(tmp_path) for order in host.orders]
    assert [str(path) for path in evidence] == [
        "evidence/l1",
        "evidence/attempt-2/l1",
        "evidence/attempt-3/l1",
    ]
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    ("host", "attempts"),
    [
        (Losing(losses=9), 2),  # the attempts are used up
        (Losing(accelerator=KVM), 1),  # nothing of this happens under KVM
        (Losing(code="facts.unreadable"), 1),  # an answer, though a bad one
        (MemoryHypervisor(boot_error=MachineError("machine.lost", "silent")), 1),  # L1's own boot
    ],
    ids=["used-up", "kvm", "another-error", "l1-itself"],
)
def test_what_is_not_lost_to_emulation_is_not_tried_again(
    host: MemoryHypervisor, attempts: int, tmp_path: Path
) -> None:
    with pytest.raises(MachineError):
        bring(host, tmp_path, attempts=2)
    assert host.log.count("boot") == attempts
    assert left(tmp_path) == []
