"""The server on the other end: started, waited for and ended, whatever happens."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from bench_players import CLOCK, GOLDEN, BenchMachine
from nestlab.bench import peer
from nestlab.bench.course import Course
from nestlab.bench.jobs import jobs_of
from nestlab.bench.ledger import Ledger
from nestlab.bench.measure import measure
from nestlab.bench.peer import Neighbour, peer_for, serving
from nestlab.errors import MachineError, NestlabError
from nestlab.machine.fake import FakeMachine, answer
from nestlab.machine.protocol import Completed
from nestlab.result.models import MachineRecord, Result
from nestlab.workload.iperf3 import Iperf3
from result_examples import result as example

IPERF3 = Iperf3(seconds=2, streams=(1,))
FORWARD, REVERSE, SIBLING, _ = IPERF3.cases(vcpus=1, queue_cpus=1)
SERVER = ("iperf3", "-s")


class PeerMachine(FakeMachine):
    """Has a server that listens until it is ended, and ports that are taken.

    served  how often the server was started
    """

    def __init__(self, path: str = "l0", *, port: str = "5203\n") -> None:
        super().__init__(path, programs={"sh": self._sh, "iperf3": self._serve})
        self.port = port
        self.listens = True
        self.lacks: set[str] = set()
        self.served = 0
        self.ends: Callable[[], Completed] | None = None

    async def _serve(self, _argv: tuple[str, ...], _stdin: bytes) -> Completed:
        self.served += 1
        if self.ends is None:
            await asyncio.Event().wait()
            raise AssertionError
        return self.ends()

    def _sh(self, argv: tuple[str, ...], _stdin: bytes) -> Completed:
        if "command -v" in argv[2]:
            return answer("".join(f"{name}\n" for name in argv[4:] if name in self.lacks))
        if "taken" in argv[2]:
            return answer(self.port)
        running = any(words[0] == "iperf3" for words in self.running)
        return answer("listens\n" if self.listens and running else "")

    def is_serving(self) -> bool:
        return any(words[0] == "iperf3" for words in self.running)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer, "_START", 0.3)
    monkeypatch.setattr(peer, "_END", 0.05)


def near(machine: FakeMachine) -> tuple[Neighbour, ...]:
    return (Neighbour("parent", machine, "10.97.0.10"),)


def test_a_case_finds_its_neighbour_and_a_port_that_is_free() -> None:
    machine = PeerMachine("l1")
    found = asyncio.run(peer_for(near(machine), FORWARD))
    assert found is not None
    neighbour, other = found
    assert neighbour.machine is machine
    assert (other.name, other.address, other.port) == ("l1", "10.97.0.10", 5203)
    assert asyncio.run(peer_for(near(machine), SIBLING)) is None
    assert asyncio.run(peer_for((), FORWARD)) is None


@pytest.mark.parametrize("said", ["", "no\n", "22\n", "99999999999\n", "-5201\n"])
def test_a_port_that_is_none_is_refused(said: str) -> None:
    with pytest.raises(MachineError) as caught:
        asyncio.run(peer_for(near(PeerMachine(port=said)), FORWARD))
    assert caught.value.code == "bench.peer-failed"


def test_a_server_that_does_not_end_by_itself_is_ended() -> None:
    machine = PeerMachine()

    async def story() -> None:
        async with serving(machine, SERVER, 5203, 1.0):
            assert machine.is_serving()
        assert not machine.is_serving()

    asyncio.run(story())
    assert machine.served == 1


@pytest.mark.parametrize("problem", [ValueError("x"), asyncio.CancelledError()])
def test_it_is_ended_when_the_client_fails(problem: BaseException) -> None:
    machine = PeerMachine()

    async def story() -> None:
        with pytest.raises(type(problem)):
            async with serving(machine, SERVER, 5203, 1.0):
                raise problem
        assert not machine.is_serving()

    asyncio.run(story())


def failing(machine: PeerMachine) -> NestlabError:
    async def story() -> None:
        async with serving(machine, SERVER, 5203, 1.0):
            raise AssertionError("it does not listen")

    with pytest.raises(NestlabError) as caught:
        asyncio.run(story())
    assert not machine.is_serving()
    return caught.value


def test_one_that_never_listens_is_said_and_ended() -> None:
    machine = PeerMachine()
    machine.listens = False
    problem = failing(machine)
    assert problem.code == "bench.peer-failed"
    assert "nobody listens on port 5203" in problem.message
    assert "iperf3 -s" in (problem.hint or "")


def test_one_that_ends_before_has_its_reason() -> None:
    machine = PeerMachine()
    machine.listens = False
    machine.ends = lambda: answer(status=1, stderr="iperf3: error - unable to bind\n")
    problem = failing(machine)
    assert problem.code == "workload.failed"
    assert problem.notes == ("iperf3: error - unable to bind",)


def test_a_peer_that_is_lost_is_no_loss_of_the_measured_machine() -> None:
    machine = PeerMachine()
    machine.lose()
    with pytest.raises(MachineError) as caught:
        asyncio.run(peer_for(near(machine), FORWARD))
    assert caught.value.code == "bench.peer-failed"
    assert failing(machine).code == "bench.peer-failed"


# --- as a whole -----------------------------------------------------------------------------------


def client(argv: tuple[str, ...]) -> Completed:
    name = "reverse-1" if "-R" in argv else "forward-1"
    return answer((GOLDEN / "iperf3" / f"{name}.json").read_bytes(), stderr=CLOCK, elapsed=2.6)


def measured(other: PeerMachine, **tools: Callable[[tuple[str, ...]], Completed]) -> Result:
    player = BenchMachine("l1", [], **{"iperf3": client, **tools})
    subject = replace(player.subject, peers=near(other))
    ledger = Ledger(run=example().run, save=lambda _: None)
    host = MachineRecord(path="l0", level=0, emulated=False)
    ledger.begin((host, MachineRecord(path="l1", level=1, parent="l0", emulated=False)))
    asyncio.run(
        measure(
            [subject],
            jobs_of([IPERF3], [subject.target], cpus=2),
            ledger,
            machines=[BenchMachine("l0", []), player],
            cpus=2,
            course=Course(1, warm_up=False),
            save_raw=lambda name, _: f"raw/{name.replace(' ', '_')}",
            sink=lambda _: None,
        )
    )
    assert not other.is_serving()
    return ledger.result


def states(result: Result) -> set[tuple[str, str]]:
    return {(series.case, series.status) for series in result.series}


def test_both_ends_of_a_measurement() -> None:
    other = PeerMachine()
    result = measured(other)
    assert states(result) == {
        *(("parent-1", "ok"), ("parent-1-reverse", "ok")),
        *(("sibling-1", "skipped"), ("sibling-1-reverse", "skipped")),
    }
    assert other.served == 2
    server = next(words for words in other.ran if words[0] == "iperf3")
    assert server == ("iperf3", "-s", "-1", "-J", "-B", "10.97.0.10", "-p", "5203")


def test_a_peer_without_the_program_makes_the_figures_skipped() -> None:
    other = PeerMachine()
    other.lacks = {"iperf3"}
    result = measured(other)
    assert {status for _, status in states(result)} == {"skipped"}
    reasons = {series.reason for series in result.series if series.case == "parent-1"}
    assert reasons == {"iperf3 needs iperf3, which l0 has not got"}
    assert other.served == 0


def test_a_client_that_fails_has_its_own_reason() -> None:
    refused = json.dumps({"start": {}, "end": {}, "error": "no route"})
    result = measured(
        PeerMachine(), iperf3=lambda _argv: answer(refused, stderr=CLOCK, elapsed=2.6)
    )
    reasons = {series.reason for series in result.series if series.case == "parent-1"}
    assert reasons == {"iperf3 says 'no route'"}


def test_a_lost_peer_fails_its_figures_and_measuring_goes_on() -> None:
    other = PeerMachine()
    other.lose()
    assert ("parent-1", "failed") in states(measured(other))
