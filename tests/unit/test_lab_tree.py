"""Siblings come up at the same time, and a tree goes as a whole."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from facts_examples import cpu, facts
from lab_examples import home
from nestlab.errors import MachineError, NestlabError
from nestlab.events import Event, Progress
from nestlab.facts.model import Facts
from nestlab.hypervisor.accelerator import Accelerator
from nestlab.hypervisor.protocol import Guest, Order
from nestlab.lab.build.chain import bring_up_new
from nestlab.lab.build.lost import patience
from nestlab.lab.record.running import Lab
from nestlab.lab.record.state import LabState
from nestlab.lab.wanted.request import Request
from nestlab.lab.wanted.spec import GuestSpec
from nestlab.units import GIB
from plan_examples import KVM, TCG
from test_lab_chain import IMAGES, MemoryHypervisor, attempts_told, guest_machine, left

SIBLINGS = tuple(GuestSpec(f"l{number}", vcpus=1, memory=GIB) for number in (1, 2, 10))


@dataclass
class Slow(MemoryHypervisor):
    """Takes a moment for each guest, and knows how many it booted at once."""

    facts: Facts = field(default_factory=lambda: facts(cpu=cpu("svm", usable=(0, 1))))
    breaks: str = ""
    times: int = 99
    code: str = "guest.panicked"
    now: int = 0
    most: int = 0

    @contextlib.asynccontextmanager
    async def boot(self, order: Order) -> AsyncIterator[Guest]:
        """See `Hypervisor.boot`."""
        path = order.plan.path
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(0.05)
            if path == self.breaks and self.times:
                self.times -= 1
                raise MachineError(self.code, "no init", where=f"{path}, while booting it")
        finally:
            self.now -= 1
        self.log.append(f"boot {path}")
        try:
            kvm = order.plan.accelerator.name == "kvm"
            yield Guest(order.plan, guest_machine(path), 1, 2, kvm, "7.2.22")
        finally:
            self.log.append(f"end {path}")


def visit(
    host: MemoryHypervisor, base: Path, attempts: int = 1, seen: list[LabState] | None = None
) -> tuple[Lab, list[Event]]:
    """The lab after all; `seen` gets its state while it was up."""
    events: list[Event] = []
    seen = [] if seen is None else seen

    async def work() -> Lab:
        request = Request(SIBLINGS, IMAGES, boot_timeout=5, attempts=attempts)
        evidence = base / "evidence"
        up = bring_up_new(request, home(base), host, evidence=evidence, sink=events.append)
        async with up as lab:
            seen.append(lab.state)
            return lab

    return asyncio.run(work()), events


@pytest.mark.parametrize(("accelerator", "most"), [(KVM, 2), (TCG, 1)])
def test_siblings_boot_at_the_same_time_but_not_more_than_there_are_cpus(
    accelerator: Accelerator, most: int, tmp_path: Path
) -> None:
    """One after the other under emulation, which loses guests that boot together."""
    host = Slow(accelerator=accelerator)
    lab, events = visit(host, tmp_path)
    assert host.most == most
    assert [level.machine.path for level in lab.levels] == ["l0", "l1", "l2", "l10"]
    assert Progress("l10", "waiting for its turn") in events
    assert sorted(host.log) == [f"{what} {each.name}" for what in ("boot", "end") for each in
                                sorted(SIBLINGS, key=lambda spec: spec.name)]  # fmt: skip
    assert left(tmp_path) == []


def test_siblings_share_no_network_and_are_all_recorded(tmp_path: Path) -> None:
    seen: list[LabState] = []
    lab, _ = visit(Slow(), tmp_path, seen=seen)
    (state,) = seen
    assert {guest.path for guest in state.guests} == {"l1", "l2", "l10"}
    assert len({guest.address for guest in state.guests}) == 3
    assert {guest.memory for guest in state.guests} == {GIB}
    assert all(guest.emulated and guest.started and guest.ready for guest in state.guests)
    assert lab.state.guests == ()


def test_one_that_fails_takes_its_siblings_down(tmp_path: Path) -> None:
    host = Slow(breaks="l2")
    with pytest.raises(MachineError) as caught:
        visit(host, tmp_path)
    assert caught.value.where == "l2, while booting it"
    assert host.log.count("boot l1") == host.log.count("end l1")
    assert left(tmp_path) == []


def test_siblings_that_do_not_fit_together_are_refused_before_any_is_booted(tmp_path: Path) -> None:
    memory = {"total": 4 * GIB, "available": 3 * GIB}
    host = Slow(facts=facts(memory=memory))
    with pytest.raises(NestlabError) as caught:
        visit(host, tmp_path)
    assert caught.value.code == "lab.no-memory"
    assert "l10" in caught.value.message
    assert host.log == []


def test_a_nested_guest_that_emulation_loses_is_started_again_alone(tmp_path: Path) -> None:
    host = Slow(machine=guest_machine("l1"), breaks="l1/l2", times=2)
    lab, events = visit(host, tmp_path, attempts=3)
    assert [level.machine.path for level in lab.levels] == ["l1", "l1/l1", "l1/l2", "l1/l10"]
    assert host.log.count("boot l1/l1") == 1
    assert attempts_told(events) == ["l1/l2: attempt 2 of 3", "l1/l2: attempt 3 of 3"]
    assert left(tmp_path) == []


def test_a_nested_guest_that_says_something_else_is_not(tmp_path: Path) -> None:
    host = Slow(machine=guest_machine("l1"), breaks="l1/l2", code="guest.command-failed")
    with pytest.raises(MachineError):
        visit(host, tmp_path, attempts=3)
    assert host.times == 98


@pytest.mark.parametrize(
    ("path", "last", "seconds"),
    [("l1", False, 300), ("l1/l2", True, 300), ("l1/l2", False, 90), ("l1/l2/l3", False, 180)],
)
def test_what_can_be_started_again_is_not_waited_for_long(
    path: str, last: bool, seconds: float
) -> None:
    assert patience(path, 300, last=last) == seconds
    assert patience(path, 5, last=last) == 5
