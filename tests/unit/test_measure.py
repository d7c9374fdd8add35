"""Measuring a chain from end to end, with tools that are played from real outputs."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from random import Random

import pytest

from bench_players import CLOCK, CPU, GOLDEN, BenchMachine, fio, sysbench
from nestlab.bench.course import Course, widest
from nestlab.bench.jobs import jobs_of
from nestlab.bench.ledger import Ledger
from nestlab.bench.measure import measure, new_seed
from nestlab.errors import MachineError
from nestlab.events import Event, Progress, State
from nestlab.machine.fake import answer
from nestlab.machine.protocol import Completed
from nestlab.report.rows import rows
from nestlab.result.models import MachineRecord, Result, Series
from nestlab.units import MIB
from nestlab.workload.fio import Fio
from nestlab.workload.protocol import Argv, Case, Command, Envelope, Metric, Parsed, Workload
from nestlab.workload.sysbench import SysbenchCpu
from result_examples import result as example

PATHS = ("l0", "l1", "l1/l2")
WORKLOADS = (SysbenchCpu(seconds=2), Fio(size=16 * MIB, runtime=3))


def golden(name: str, status: int) -> Completed:
    return answer((GOLDEN / "fio" / name).read_bytes(), status=status)


class Bench:
    """Three machines, what happened on them and what was saved."""

    def __init__(self) -> None:
        self.saved: list[Result] = []
        self.raw: dict[str, bytes] = {}
        self.log: list[str] = []
        self.events: list[Event] = []
        self.machines = {path: BenchMachine(path, self.log) for path in PATHS}
        self.ledger = Ledger(run=example().run, save=self.saved.append)
        self.ledger.begin(
            tuple(
                MachineRecord(
                    path=path, level=level, parent=PATHS[level - 1] if level else None,
                    emulated=False,
                )
                for level, path in enumerate(PATHS)
            )
        )  # fmt: skip

    def run(
        self,
        workloads: Sequence[Workload] = WORKLOADS,
        *,
        rounds: int = 1,
        course: Course | None = None,
    ) -> Result:
        subjects = [machine.subject for machine in self.machines.values()]
        asyncio.run(
            measure(
                subjects,
                jobs_of(workloads, [subject.target for subject in subjects], cpus=2),
                self.ledger,
                machines=list(self.machines.values()),
                cpus=2,
                course=course or Course(rounds, warm_up=False),
                save_raw=self.save_raw,
                sink=self.events.append,
            )
        )
        assert self.saved[-1] == self.ledger.result
        return self.ledger.result

    def save_raw(self, name: str, data: bytes) -> str:
        file = f"raw/{name.replace('/', '+').replace(' ', '_')}"
        assert file not in self.raw
        self.raw[file] = data
        return file


@pytest.fixture
def bench() -> Bench:
    return Bench()


def series(result: Result, path: str, case: str, metric: str) -> Series:
    wanted = (path, case, metric)
    (found,) = [s for s in result.series if (s.machine, s.case, s.metric) == wanted]
    return found


def test_every_level_has_every_figure(bench: Bench) -> None:
    result = bench.run(rounds=2)
    assert {found.status for found in result.series} == {"ok"}
    assert len(result.series) == 3 * (2 * 8 + 2 * 3)
    assert {len(found.samples) for found in result.series} == {2}
    for path in PATHS:
        assert series(result, path, "randread", "iops").samples[0].value == 86231.578947
        rate = series(result, path, "cpu-2", "events_per_second")
        assert [sample.value for sample in rate.samples] == [8864.61, 8864.61]
        assert rate.tool_version == "sysbench 1.0.20 (using system LuaJIT 2.1.0-beta3)"


def test_a_sample_has_three_clocks_and_its_raw_output(bench: Bench) -> None:
    sample = series(bench.run(), "l1/l2", "cpu-2", "events_per_second").samples[0]
    assert sample.elapsed_tool == 2.0003
    assert sample.elapsed_guest == 2.5
    assert sample.elapsed == 2.6
    assert sample.raw
    assert b"8864.61" in bench.raw[sample.raw]
    orders = {s.order for found in bench.ledger.result.series for s in found.samples}
    assert orders == set(range(1, 3 * 4 + 1))


def test_the_command_is_the_same_at_every_level(bench: Bench) -> None:
    bench.run()
    commands = [
        [argv for argv in machine.ran if "-rw=randread" in argv]
        for machine in bench.machines.values()
    ]
    assert commands[0] == commands[1] == commands[2]
    assert len(commands[0]) == 1
    assert "-numjobs=2" in commands[0][0]


def test_the_file_is_laid_out_once_and_removed_in_the_end(bench: Bench) -> None:
    bench.run(rounds=3)
    for path in PATHS:
        assert bench.log.count(f"{path}: fio layout") == 1
        assert bench.log.count(f"{path}: rm") == 1
    assert sorted(bench.log[-3:]) == sorted(f"{path}: rm" for path in PATHS)


def test_caches_are_dropped_on_the_machine_and_its_ancestors_right_before(bench: Bench) -> None:
    bench.run()
    for place, entry in enumerate(bench.log):
        path, _, what = entry.partition(": ")
        if what != "fio":
            continue
        above = PATHS[: PATHS.index(path) + 1]
        before = bench.log[place - len(above) - 1 : place]
        dropped = [f"{ancestor}: drop" for ancestor in above]
        assert before == [*dropped, f"{path}: fio read again"]  # the program, not its data
    assert not any("drop" in line for line in bench.log[: bench.log.index("l0: sysbench")])


def test_caches_that_cannot_be_dropped_are_a_warning(bench: Bench) -> None:
    bench.machines["l0"].drops = False
    (warning,) = bench.run().warnings
    assert "page cache of l0" in warning


def broken(_argv: tuple[str, ...]) -> Completed:
    return answer(status=1, stderr=f"fio: cannot open\n{CLOCK}", elapsed=2.6)


def test_a_level_that_fails_is_noted_and_the_others_go_on(bench: Bench) -> None:
    bench.machines["l1"].tools["fio"] = lambda argv: (
        fio(argv) if "-rw=write" in argv else broken(argv)
    )
    result = bench.run()
    for metric in ("iops", "bandwidth_mb", "latency_mean"):
        found = series(result, "l1", "randread", metric)
        assert (found.status, found.samples) == ("failed", ())
        assert found.reason == "fio ended with status 1 fio: cannot open"
        assert series(result, "l1/l2", "randread", metric).status == "ok"
    assert series(result, "l1", "cpu-1", "events_per_second").status == "ok"
    failures = [e for e in bench.events if isinstance(e, Progress) and e.state is State.FAILED]
    assert {event.subject for event in failures} == {"l1"}


@pytest.mark.parametrize(
    ("done", "reason"),
    [
        (answer("no JSON"), "fio printed no JSON"),
        (golden("randwrite-disk-full.json", status=1), "No space left on device"),
        (golden("randread-odirect-refused.json", status=1), "O_DIRECT"),
        (golden("randwrite.json", status=1), "fio ended with status 1"),
        (answer(status=None, signal="KILL"), "signal KILL"),
        (answer(status=127, stderr="sh: 3: taskset: not found\n"), "taskset: not found"),
    ],
)
def test_whatever_a_tool_does_has_its_reason(bench: Bench, done: Completed, reason: str) -> None:
    bench.machines["l0"].tools["fio"] = lambda argv: fio(argv) if "-rw=write" in argv else done
    found = series(bench.run(), "l0", "randwrite", "iops")
    assert found.status == "failed"
    assert reason in (found.reason or "")


def test_a_layout_that_fails_is_that_level_s_failure_and_is_cleaned_up(bench: Bench) -> None:
    full = answer(status=1, stderr="fio: No space left on device\n")
    bench.machines["l1"].tools["fio"] = lambda _argv: full
    result = bench.run([WORKLOADS[1]])
    assert "No space left" in (series(result, "l1", "randread", "iops").reason or "")
    assert series(result, "l0", "randread", "iops").status == "ok"
    assert "l1: rm" in bench.log


def test_the_others_are_measured_to_the_end_when_a_machine_is_lost(bench: Bench) -> None:
    def lose(_argv: tuple[str, ...]) -> Completed:
        bench.machines["l1"].lose()
        return answer()

    bench.machines["l1"].tools["fio"] = lose
    with pytest.raises(MachineError) as caught:
        bench.run()
    assert caught.value.code == "machine.lost"
    kept = bench.saved[-1]
    assert series(kept, "l1", "cpu-2", "events_per_second").status == "ok"
    for case in ("randread", "randwrite"):
        assert series(kept, "l0", case, "iops").status == "ok"
    for gone in ("l1", "l1/l2"):  # the guests of a lost machine are lost with it
        failed = series(kept, gone, "randwrite", "iops")
        assert failed.status == "failed"
        assert "l1 is lost" in (failed.reason or "")


class Leaves:
    """A workload that prepares nothing and yet leaves something behind."""

    name = "leaves"
    needs = ()
    metrics = (Metric("m", "u", "higher"),)

    def cases(self, *, vcpus: int, queue_cpus: int) -> tuple[Case, ...]:
        return (Case("leaves", "one", {}),)

    def command(self, case: Case, envelope: Envelope) -> Command:
        argv: Argv = ("taskset", "-c", "0", "sysbench", "--threads=1")
        return Command((), argv, (("rm", "-f", "--", "/left"),), 1.0)

    def parse(self, case: Case, stdout: bytes) -> Parsed:
        return Parsed((), "1", None)


def test_what_a_command_leaves_is_removed_without_a_layout_too(bench: Bench) -> None:
    bench.run([Leaves()])
    assert [line for line in bench.log if line.endswith("rm")]


def test_the_warm_up_is_measured_and_counts_for_nothing(bench: Bench) -> None:
    result = bench.run(course=Course(2))
    found = series(result, "l1", "cpu-2", "events_per_second")
    assert [(sample.round, sample.warm_up) for sample in found.samples] == [
        *((0, True), (1, False), (2, False))
    ]
    (row,) = [
        row
        for row in rows(result).rows
        if (row.machine, row.case, row.metric) == ("l1", "cpu-2", "events_per_second")
    ]
    assert row.n == 2
    assert result.run.turns == 3 * 3 * 4
    assert result.run.ended is not None


def test_every_run_is_recorded_with_what_was_stolen(bench: Bench) -> None:
    result = bench.run()
    assert [turn.order for turn in result.turns] == list(range(1, 13))
    assert {turn.status for turn in result.turns} == {"ok"}
    passed = 100 + 50 + 1000 + 5 + 9  # of CLOCK: nothing but the 9 ticks of steal
    assert {turn.conditions["steal"] for turn in result.turns} == {9 / 9}, passed
    told = [warning for warning in rows(result).warnings if warning.code == "steal"]
    assert {warning.where for warning in told} == {("l0",), ("l1",), ("l1/l2",)}


def test_l0_is_listened_to_before_each_round(bench: Bench) -> None:
    busy = "cpu  900 0 50 1100 5 0 0 0 0 0"
    bench.machines["l0"].quiet = f"stat {CPU.format(0)}\nstat {busy}\nother 17\nload 3.5\n"
    result = bench.run(rounds=2)
    assert bench.log.count("l0: listen") == 2
    assert [each.conditions["others"] for each in result.rounds] == [1, 1]
    assert result.rounds[0].conditions["busy"] == round(800 / 900, 4)
    (warning,) = [each for each in rows(result).warnings if each.code == "not-quiet"]
    assert "1 other guest runs on l0" in warning.text
    assert "89 % busy" in warning.text


def slow_clock(argv: tuple[str, ...]) -> Completed:
    """By its own word 2.5 s have passed."""
    return replace(sysbench(argv), elapsed=9.0)


def test_a_figure_by_a_clock_that_is_far_off_is_none(bench: Bench) -> None:
    bench.machines["l1"].tools["sysbench"] = slow_clock
    found = series(bench.run(), "l1", "cpu-2", "events_per_second")
    assert (found.status, found.samples) == ("failed", ())
    assert "the clock of l1 ran slow: it counted 2.50 s where l0 counted 9.00 s" in str(
        found.reason
    )


def test_a_clock_that_is_a_little_off_is_a_warning_on_the_sample(bench: Bench) -> None:
    bench.machines["l1"].tools["sysbench"] = lambda argv: replace(sysbench(argv), elapsed=2.46)
    result = bench.run()
    assert {
        (found.machine, sample.warnings)
        for found in result.series
        for sample in found.samples
        if found.workload == "sysbench-cpu"
    } == {("l0", ()), ("l1", ("clock-disagrees",)), ("l1/l2", ())}


def test_a_run_that_broke_off_is_gone_on_with_in_the_same_order(bench: Bench) -> None:
    def lose(argv: tuple[str, ...]) -> Completed:
        if len(bench.log) > 40:
            bench.machines["l1"].lose()
        return sysbench(argv)

    bench.machines["l1"].tools["sysbench"] = lose
    with pytest.raises(MachineError):
        bench.run(rounds=3)
    broken_off = bench.saved[-1]
    assert broken_off.run.ended is not None
    again = Bench()
    again.ledger = Ledger.resumed(broken_off, again.saved.append)
    result = again.run(rounds=3)
    assert {found.status for found in result.series} == {"ok"}
    assert {len(found.samples) for found in result.series} == {3}
    whole = Bench().run(rounds=3)
    assert [(t.order, t.machine, t.case) for t in result.turns] == [
        (t.order, t.machine, t.case) for t in whole.turns
    ]
    good = {turn.order for turn in broken_off.turns if turn.status == "ok"}
    ran = sum(line.endswith((": fio", ": sysbench")) for line in again.log)
    assert ran == len(whole.turns) - len(good)


def test_until_goes_on_while_a_loss_is_not_known_well_enough(bench: Bench) -> None:
    chance = Random(3)

    def noisy(argv: tuple[str, ...]) -> Completed:
        done = sysbench(argv)
        rate = f"{8864.61 * chance.uniform(0.9, 1.1):.2f}".encode()
        return replace(done, stdout=done.stdout.replace(b"8864.61", rate))

    for machine in bench.machines.values():
        machine.tools["sysbench"] = noisy
    workloads = [SysbenchCpu(seconds=2)]
    result = bench.run(workloads, course=Course(2, warm_up=False, until=0.15, most=40))
    width = widest(result)
    taken = max(turn.round for turn in result.turns)
    assert width is not None
    assert width < 0.15
    assert 5 < taken < 40
    limited = Bench()
    for path, machine in bench.machines.items():
        limited.machines[path].tools = machine.tools
    result = limited.run(workloads, course=Course(2, warm_up=False, until=1e-6, most=6))
    assert max(turn.round for turn in result.turns) == 6


def test_what_is_left_is_said_all_the_time(bench: Bench) -> None:
    bench.run(course=Course(1))
    told = [
        event.step
        for event in bench.events
        if isinstance(event, Progress) and event.state is State.WORKING
    ]
    assert len(told) == 24
    assert all(" left)" in step for step in told)
    assert "(24 of 24, about 0" in told[-1]


def test_seeds_differ() -> None:
    assert len({new_seed() for _ in range(10)}) > 1
