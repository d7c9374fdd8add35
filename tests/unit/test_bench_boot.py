"""A workload that runs on the parent of the machine whose figures it has."""

import asyncio
import json
from dataclasses import replace

import pytest

from bench_players import CLOCK, BenchMachine
from facts_examples import cpu, facts
from nestlab.bench.course import Course
from nestlab.bench.fence import Fence
from nestlab.bench.jobs import Origin, Subject, jobs_of
from nestlab.bench.ledger import Ledger
from nestlab.bench.measure import measure
from nestlab.errors import MachineError
from nestlab.hypervisor.protocol import Guest
from nestlab.hypervisor.qemu.twin import twin
from nestlab.lab.measure.origins import origin
from nestlab.lab.record.running import Level
from nestlab.machine.fake import answer
from nestlab.machine.protocol import Completed
from nestlab.result.models import MachineRecord, Result, Series
from nestlab.units import GIB
from nestlab.workload.boot import Boot
from plan_examples import CLOUD, L1, L2
from result_examples import result as example

PATHS = ("l0", "l1", "l1/l2")
CPUS = {"l0": (4, 5, 6), "l1": (0, 1), "l1/l2": (0,)}
PLANS = {"l0": None, "l1": L1, "l1/l2": L2}


def program(argv: tuple[str, ...]) -> Completed:
    """What it says of L2 is slower than of L1."""
    slow = "l1.l2" in " ".join(argv)
    told = {"nestlab-boot": 1, "qemu": "7.2.22", "ssh_seconds": 0.5 + slow}
    return answer(json.dumps({**told, "multi_user_seconds": 2 + slow}), stderr=CLOCK, elapsed=2.6)


class Bench:
    """An emulated L1 and an L2 in it."""

    def __init__(self, *, fence: Fence | None = None) -> None:
        self.log: list[str] = []
        self.machines = {path: BenchMachine(path, self.log, python3=program) for path in PATHS}
        self.raw: list[str] = []
        plain = {
            path: replace(
                machine.subject,
                target=replace(machine.subject.target, facts=facts(cpu=cpu(usable=CPUS[path]))),
                fence=fence or Fence(None),
            )
            for path, machine in self.machines.items()
        }
        self.subjects = [
            replace(each, origin=origin(self.level(path), plain)) for path, each in plain.items()
        ]

    def level(self, path: str) -> Level:
        machine, plan = self.machines[path], PLANS[path]
        if plan is None:
            return Level(machine, facts())
        rom = f"/{plan.hostname}.rom"
        return Level(machine, facts(), Guest(plan, machine, 1, 2, True, "7.2.22", rom))

    def run(self) -> Result:
        ledger = Ledger(run=example().run, save=lambda _: None)
        ledger.begin(
            tuple(MachineRecord(path=path, level=0, emulated=False) for path in PATHS), turns=3
        )
        self.ledger = ledger
        asyncio.run(
            measure(
                self.subjects,
                jobs_of([Boot()], [each.target for each in self.subjects], cpus=2),
                ledger,
                machines=list(self.machines.values()),
                cpus=2,
                course=Course(1, warm_up=False),
                save_raw=self.save_raw,
                sink=lambda _: None,
            )
        )
        return ledger.result

    def save_raw(self, name: str, _data: bytes) -> str:
        self.raw.append(name)
        return f"raw/{len(self.raw)}"

    def boots(self, path: str) -> list[tuple[str, ...]]:
        return [argv for argv in self.machines[path].ran if '"$@"' in argv[2] and "-I" in argv]


def of(result: Result, path: str, metric: str = "ssh") -> Series:
    (found,) = [s for s in result.series if (s.machine, s.metric) == (path, metric)]
    return found


def test_figures_of_a_machine_come_from_its_parent() -> None:
    bench = Bench()
    result = bench.run()
    assert [of(result, path).status for path in PATHS] == ["skipped", "ok", "ok"]
    assert of(result, "l0").reason == "nothing starts l0: it is the host"
    assert [sample.value for sample in of(result, "l1/l2").samples] == [1.5]
    assert [len(bench.boots(path)) for path in PATHS] == [1, 1, 0]
    assert any(name.endswith("-l1/l2-boot cold.out") for name in bench.raw)


def test_the_envelope_is_the_parent_s_and_the_guest_the_machine_s() -> None:
    bench = Bench()
    bench.run()
    (on_host,), (on_outer,) = bench.boots("l0"), bench.boots("l1")
    assert on_host[on_host.index("-c", 3) + 1] == "4,5"
    assert on_outer[on_outer.index("-c", 3) + 1] == "0,1"
    assert f"guest={L1.identity}~boot" in on_host
    assert f"guest={L2.identity}~boot" in on_outer
    assert ("/l1.rom" in on_host, "/l2.rom" in on_outer) == (True, True)


def test_caches_are_dropped_where_it_is_read_and_cleaned_where_it_was_put() -> None:
    bench = Bench()
    bench.run()
    place = bench.log.index("l1: python3")
    assert sorted(bench.log[place - 2 : place]) == ["l0: drop", "l1: drop"]
    assert sorted(entry for entry in bench.log if "rm" in entry) == ["l0: rm", "l1: rm"]
    assert set(bench.machines["l1"].placed) == {"/var/lib/nestlab/boot/boot.py"}
    assert bench.machines["l1/l2"].placed == {}


def test_the_bound_of_the_page_cache_is_not_that_of_a_guest() -> None:
    bench = Bench(fence=Fence("/sys/fs/cgroup/x", GIB))
    bench.run()
    assert "/sys/fs/cgroup/x" not in bench.boots("l1")[0]


def test_a_parent_that_is_lost_is_the_one_that_is_lost() -> None:
    bench = Bench()

    def lose(argv: tuple[str, ...]) -> Completed:
        bench.machines["l1"].lose()
        raise MachineError("machine.lost", "l1 is gone", where="l1")

    bench.machines["l1"].tools["python3"] = lose
    with pytest.raises(MachineError) as caught:
        bench.run()
    assert (caught.value.code, caught.value.where) == ("machine.lost", "l1")
    assert of(bench.ledger.result, "l1/l2").status == "failed"


def test_a_parent_without_the_program_makes_it_skipped() -> None:
    bench = Bench()
    bench.machines["l1"].lacks = {"qemu-img"}
    result = bench.run()
    assert of(result, "l1/l2").reason == "boot needs qemu-img, which l1 has not got"
    assert of(result, "l1").status == "ok"


def test_who_starts_a_machine() -> None:
    subjects = {each.machine.path: each for each in Bench().subjects}
    level = Bench().level("l1/l2")
    found = origin(level, subjects)
    assert found.parent is subjects["l1"]
    assert found.guest == twin(L2, firmware="/l2.rom")
    assert origin(level, {"l0": subjects["l0"]}).why == "the parent of l1/l2 is not up"
    cloud = Guest(CLOUD, level.machine, 1, 2, True, "7.2.22")
    assert "boot loader" in origin(replace(level, guest=cloud), subjects).why


def test_a_machine_of_which_nothing_is_known() -> None:
    subject: Subject = BenchMachine("l1", []).subject
    assert subject.origin == Origin()
    assert subject.origin.why
