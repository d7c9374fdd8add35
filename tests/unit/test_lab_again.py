"""Going on with a lab that is there: what runs is left alone, what is missing is made."""

import asyncio
import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lab_examples import home
from nestlab.errors import MachineError
from nestlab.events import Event, Notice
from nestlab.lab.build.chain import bring_up
from nestlab.lab.record.folder import remove_lab
from nestlab.lab.record.known import labs
from nestlab.lab.record.opening import held, made
from nestlab.lab.record.state import LabState, load_state
from nestlab.lab.wanted.request import Request
from nestlab.lab.wanted.spec import GuestSpec
from nestlab.machine.fake import FakeMachine, answer
from nestlab.machine.protocol import Completed, Machine
from nestlab.units import GIB
from test_lab_chain import IMAGES, MemoryHypervisor, attempts_told, guest_machine, left

SPEC = GuestSpec("l1", vcpus=2, memory=GIB)


def host_machine(running: dict[str, str]) -> FakeMachine:
    """L0, whose guests' processes and disks are `running`: identity -> `PID DISK`."""

    def sh(argv: tuple[str, ...], _stdin: bytes) -> Completed:
        words = argv[4:]
        if len(words) == 2 and words[0].startswith("nestlab-"):
            return answer(f"{next(iter(running.values()), '0 0')}\n")
        return answer()

    machine = guest_machine("l0")
    machine.programs["sh"] = sh
    return machine


@dataclass
class World:
    """One home, one host; `look` is what the host shows of l1."""

    base: Path
    look: dict[str, str] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        machine: Machine = host_machine(self.look)
        self.host = MemoryHypervisor(machine=machine)

    def up(self, spec: GuestSpec = SPEC, *, fails: bool = False, attempts: int = 1) -> LabState:
        request = Request((spec,), IMAGES, boot_timeout=5, attempts=attempts)
        return asyncio.run(self._up(request, fails=fails))

    async def _up(self, request: Request, *, fails: bool) -> LabState:
        evidence, sink = self.base / "evidence", self.events.append
        for folder, _ in labs(home(self.base)):
            with held(folder, load_state(folder)) as lab:
                async with bring_up(request, lab, self.host, evidence=evidence, sink=sink):
                    if fails:
                        raise MachineError("verify.broken", "not nested")
                    lab.keep()
                return lab.state
        async with made(home(self.base), name="seed", stays=True) as lab:
            async with bring_up(request, lab, self.host, evidence=evidence, sink=sink):
                lab.keep()
            return lab.state

    @property
    def notices(self) -> list[str]:
        """What was said of decisions; the proof's own lines aside."""
        said = [event.text for event in self.events if isinstance(event, Notice)]
        return [text for text in said if " · " not in text]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A lab of one guest that is up; afterwards its folders are gone."""
    world = World(tmp_path)
    world.up()
    world.look["l1"] = "4711 1"
    world.host.log.clear()
    world.host.orders.clear()
    yield world
    for folder, state in labs(home(tmp_path)):
        remove_lab(folder, state)


def test_a_second_time_nothing_happens(world: World) -> None:
    before = load_state(left(world.base)[0])
    after = world.up()
    assert world.host.log == ["adopt"]
    assert after == before
    assert world.notices == []


def test_what_does_not_run_starts_from_its_disk(world: World) -> None:
    world.look["l1"] = "0 1"
    key = load_state(left(world.base)[0]).guests[0].host_key
    state = world.up()
    assert world.host.log == ["boot"]
    (order,) = world.host.orders
    assert not order.fresh
    assert state.guests[0].host_key == key == order.login.host_key
    assert state.guests[0].ready
    assert world.notices == ["l1: start, because it does not run"]


@pytest.mark.parametrize("said", ["", "0", "0 ?", "sh: I/O error"])
def test_a_look_that_fails_costs_no_guest_its_disk(world: World, said: str) -> None:
    before = load_state(left(world.base)[0])
    world.look["l1"] = said
    with pytest.raises(MachineError) as caught:
        world.up()
    assert caught.value.code == "guest.not-seen"
    assert world.host.log == []
    assert load_state(left(world.base)[0]) == before


def test_what_changed_starts_again_with_its_disk(world: World) -> None:
    state = world.up(dataclasses.replace(SPEC, memory=2 * GIB))
    assert world.host.log == ["boot"]
    assert not world.host.orders[0].fresh
    assert state.guests[0].memory == 2 * GIB
    assert world.notices == ["l1: restart, because memory 1.0 GiB → 2.0 GiB"]


def test_other_contents_take_a_new_disk(world: World) -> None:
    world.host.guest.programs["true"] = lambda _argv, _stdin: answer()
    world.up(dataclasses.replace(SPEC, run=(("true",),)))
    assert world.host.log == ["boot"]
    assert world.host.orders[0].fresh
    assert ("true",) in world.host.guest.ran


def test_one_that_runs_but_does_not_answer_starts_again(world: World) -> None:
    world.host.adopt_error = MachineError("guest.no-answer", "l1 is silent")
    world.up()
    assert world.host.log == ["adopt", "boot"]
    assert not world.host.orders[1].fresh
    assert world.notices == ["l1 runs but does not answer: l1 is silent"]


def test_a_failure_takes_down_what_it_started_and_keeps_the_disk_and_the_lab(world: World) -> None:
    world.look["l1"] = "0 1"
    with pytest.raises(MachineError):
        world.up(fails=True)
    assert world.host.log == ["boot", "end"]
    (record,) = load_state(left(world.base)[0]).guests
    assert (record.ready, record.pid) == (True, None)


def test_a_failure_leaves_what_ran_before_alone(world: World) -> None:
    with pytest.raises(MachineError):
        world.up(fails=True)
    assert world.host.log == ["adopt"]
    assert load_state(left(world.base)[0]).guests[0].pid == 4711


def test_one_whose_nestlab_was_killed_half_way_is_made_again(world: World) -> None:
    (folder,) = left(world.base)
    with held(folder, load_state(folder)) as lab:
        lab.change("l1", ready=False, pid=None, ssh_port=None)
    world.up()
    assert world.host.log == ["boot"]
    assert world.host.orders[0].fresh
    assert world.notices == ["l1: rebuild, because it was never finished"]


def test_one_that_is_lost_while_it_is_proved_starts_again(world: World) -> None:
    """It answered when it was adopted."""
    answers = world.host.guest.programs["env"]
    losses = iter((True, False))

    def lost_once(argv: tuple[str, ...], stdin: bytes) -> Completed:
        if "lscpu" in argv and next(losses, False):
            world.host.adopt_error = MachineError("guest.no-answer", "l1 is silent")
            world.host.guest = guest_machine("l1")
            raise MachineError("machine.deadline", "lscpu did not end")
        said = answers(argv, stdin)
        assert isinstance(said, Completed)
        return said

    world.host.guest.programs["env"] = lost_once
    world.up(attempts=2)
    assert world.host.log == ["adopt", "adopt", "boot"]
    assert not world.host.orders[-1].fresh
    assert attempts_told(world.events) == ["l1: attempt 2 of 2"]


def test_a_larger_disk_on_virtio_is_given_while_it_runs(world: World) -> None:
    spec = dataclasses.replace(SPEC, storage="virtio", disk=10 * GIB)
    world.host.guest.programs["resize2fs"] = lambda _argv, _stdin: answer()
    world.look["l1"] = ""
    for folder, state in labs(home(world.base)):
        remove_lab(folder, state)
    world.up(spec)
    world.look["l1"] = "4711 1"
    world.host.log.clear()
    world.host.guest.ran.clear()
    state = world.up(dataclasses.replace(spec, disk=12 * GIB))
    assert world.host.log == ["adopt", f"grow 4711 to {12 * GIB}"]
    assert ("resize2fs", "/dev/vda") in world.host.guest.ran
    (record,) = state.guests
    assert (record.pid, record.spec and record.spec.disk) == (4711, 12 * GIB)
    assert world.notices == ["l1: grows while it runs, because disk 10.0 GiB → 12.0 GiB"]
