"""What a machine lacks, and what is put on it, before anything is measured."""

import asyncio
from pathlib import Path

import pytest

from bench_players import GOLDEN, BenchMachine
from nestlab.bench.course import Course
from nestlab.bench.jobs import jobs_of
from nestlab.bench.ledger import Ledger
from nestlab.bench.measure import measure
from nestlab.bench.prepare import Preparation
from nestlab.errors import MachineError
from nestlab.events import Event, Progress, State
from nestlab.machine.fake import answer
from nestlab.machine.local import LocalMachine
from nestlab.machine.protocol import Completed
from nestlab.result.models import MachineRecord, Result
from nestlab.workload.exits import Exits
from nestlab.workload.protocol import Command, File
from nestlab.workload.sysbench import SysbenchCpu
from result_examples import result as example

EXITS = Exits(samples=2000)


def measured(
    machine: BenchMachine, *workloads: Exits | SysbenchCpu, rounds: int = 1
) -> tuple[Result, list[Event]]:
    ledger = Ledger(run=example().run, save=lambda _: None)
    ledger.begin((MachineRecord(path="l0", level=0, emulated=False),))
    events: list[Event] = []
    asyncio.run(
        measure(
            [machine.subject],
            jobs_of(workloads, [machine.subject.target], cpus=2),
            ledger,
            machines=[machine],
            cpus=2,
            course=Course(rounds, warm_up=False),
            save_raw=lambda name, _: f"raw/{name.replace(' ', '_')}",
            sink=events.append,
        )
    )
    return ledger.result, events


def exits(argv: tuple[str, ...]) -> Completed:
    return answer((GOLDEN / "exits" / f"{argv[1]}.json").read_bytes())


def machine(log: list[str]) -> BenchMachine:
    found = BenchMachine("l0", log, **{"/var/lib/nestlab/exits/exits": exits})
    found.programs["gcc"] = lambda _argv, _stdin: answer()
    return found


def test_a_program_that_is_not_there_is_skipped_with_its_name() -> None:
    log: list[str] = []
    player = machine(log)
    player.lacks = {"sysbench"}
    result, events = measured(player, SysbenchCpu(seconds=2), EXITS, rounds=2)
    lacking = [s for s in result.series if s.workload == "sysbench-cpu"]
    assert {(s.status, s.samples) for s in lacking} == {("skipped", ())}
    assert {s.reason for s in lacking} == {"sysbench-cpu needs sysbench, which l0 has not got"}
    assert "l0: sysbench" not in log
    assert {s.status for s in result.series if s.workload == "exits"} == {"ok"}
    assert not [e for e in events if isinstance(e, Progress) and e.state is State.FAILED]


def test_what_a_machine_cannot_have_is_skipped_and_the_rest_measured() -> None:
    player = machine([])
    name = "/var/lib/nestlab/exits/exits"
    only = (GOLDEN / "exits" / "unavailable.json").read_bytes()
    player.tools[name] = lambda argv: answer(only) if argv[1] == "wakeup" else exits(argv)
    result, _ = measured(player, EXITS)
    status = {s.case: s.status for s in result.series}
    assert status.pop("wakeup") == "skipped"
    assert set(status.values()) == {"ok"}
    assert len(status) == 5


def test_a_failure_stays_a_failure_when_the_next_round_is_skipped() -> None:
    player = machine([])
    only = (GOLDEN / "exits" / "unavailable.json").read_bytes()
    answers = iter((answer(status=1), answer(only)))
    player.tools["/var/lib/nestlab/exits/exits"] = lambda argv: (
        next(answers) if argv[1] == "wakeup" else exits(argv)
    )
    result, _ = measured(player, EXITS, rounds=2)
    assert {s.status for s in result.series if s.case == "wakeup"} == {"failed"}


def test_files_are_put_and_built_once_and_no_cache_is_dropped_for_them() -> None:
    log: list[str] = []
    player = machine(log)
    measured(player, EXITS, rounds=3)
    source = "/var/lib/nestlab/exits/exits.c"
    assert log.count(f"l0: put {source}") == 1
    assert b"cpuid" in player.placed[source]
    assert [argv[-1] for argv in player.ran if argv[0] == "gcc"] == [source]
    assert "l0: drop" not in log
    assert log[-1] == "l0: rm"


def test_a_compiler_that_fails_is_that_machine_s_failure() -> None:
    player = machine([])
    player.programs["gcc"] = lambda _argv, _stdin: answer(status=1, stderr="no stdio.h\n")
    result, _ = measured(player, EXITS)
    assert {s.status for s in result.series} == {"failed"}
    assert {s.reason for s in result.series} == {
        "the preparation of exits ended with status 1 no stdio.h"
    }


class Shell(Exits):
    """Needs nothing that a machine could lack."""

    needs = ("sh",)


def make(command: Command, times: int = 1) -> None:
    async def several() -> None:
        preparation = Preparation()
        for _ in range(times):
            await preparation.make(LocalMachine(), Shell(), command)

    asyncio.run(several())


def test_a_real_machine_gets_its_files_whole_and_private(tmp_path: Path) -> None:
    target = tmp_path / "a b" / "c" / "file"
    data = bytes(range(256)) * 300
    make(Command((), ("true",), (), 1.0, files=(File(str(target), data),)), times=2)
    assert target.read_bytes() == data
    assert target.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in target.parent.iterdir()] == ["file"]


def test_a_file_that_cannot_be_put_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(MachineError) as caught:
        make(Command((), ("true",), (), 1.0, files=(File(str(tmp_path / "file" / "x"), b"x"),)))
    assert caught.value.code == "bench.file-failed"
