"""Measuring a chain from end to end, with tools that are played from real outputs."""

import asyncio
from collections.abc import Sequence

import pytest

from bench_players import GOLDEN, BenchMachine, fio
from nestlab.bench.ledger import Ledger
from nestlab.bench.measure import jobs_of, measure, new_seed
from nestlab.errors import MachineError
from nestlab.events import Event, Progress, State
from nestlab.machine.fake import answer
from nestlab.machine.protocol import Completed
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

    def run(self, workloads: Sequence[Workload] = WORKLOADS, *, rounds: int = 1) -> Result:
        subjects = [machine.subject for machine in self.machines.values()]
        asyncio.run(
            measure(
                subjects,
                jobs_of(workloads, [subject.target for subject in subjects], cpus=2),
                self.ledger,
                cpus=2,
                rounds=rounds,
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
    assert sample.elapsed is not None
    assert sample.elapsed < 2  # here nothing takes time
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
        before = bench.log[place - len(above) : place]
        assert before == [f"{ancestor}: drop" for ancestor in above]
    assert not any("drop" in line for line in bench.log[: bench.log.index("l0: sysbench")])


def test_caches_that_cannot_be_dropped_are_a_warning(bench: Bench) -> None:
    bench.machines["l0"].drops = False
    (warning,) = bench.run().warnings
    assert "page cache of l0" in warning


def broken(_argv: tuple[str, ...]) -> Completed:
    return answer(status=1, stderr="fio: cannot open\nnestlab-clock: 1.00 2.00\n")


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


def test_seeds_differ() -> None:
    assert len({new_seed() for _ in range(10)}) > 1
