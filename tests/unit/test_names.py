"""Machines that run learn who came and who went."""

import asyncio
from pathlib import Path

import pytest

from facts_examples import facts
from lab_examples import L1, saved
from lan_examples import NAT, NETS, TREE, laid_out
from nestlab.events import Event, Notice, Progress, State
from nestlab.lab.network.names import names_in, tell_names, to_tell
from nestlab.lab.record.running import Lab, Level
from nestlab.lab.record.state import GuestRecord, LabState, load_state
from nestlab.lab.wanted.spec import NetworkSpec
from nestlab.machine.fake import FakeMachine, answer
from nestlab.machine.protocol import Completed
from nestlab.net.hosts import hosts_of
from nestlab.net.hosts_file import digest, hosts_block


def record(path: str, **changes: object) -> GuestRecord:
    ports = laid_out().ports[path]
    known = {
        "path": path,
        "identity": f"nestlab-x-{path}",
        "subnet": str(NAT[path].subnet),
        "addresses": {port.lan.name: str(port.address) for port in ports if port.address},
        "told": "",
    }
    return L1.model_copy(update={**known, **changes})


NETWORKS = tuple(NetworkSpec(name, each.subnet, each.ipv6) for name, each in NETS.items())


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """All machines of the example, which run and were told nothing yet."""
    folder, state = saved(tmp_path, "0a1b2c3d4e", kept=True, guests=tuple(map(record, TREE)))
    return Lab(folder, state.model_copy(update={"name": "seed", "networks": NETWORKS}))


def below(path: str) -> dict[str, str]:
    """Names that a block gives to machines, by name."""
    return {name: line.split()[0] for line in path.splitlines() for name in line.split()[1:]}


def test_names_are_those_of_the_seed(lab: Lab) -> None:
    found = names_in(lab.state)
    for path in TREE:
        nat = {each: NAT[each] for each in NAT if f"{path}/".startswith(f"{each}/")}
        assert sorted(found[path]) == sorted(hosts_of(path, laid_out(), nat, "seed"))


def test_a_lab_whose_every_machine_is_gone_has_no_names(lab: Lab) -> None:
    for path in ("l1-0", "l1-1"):
        lab.forget(path)
    assert names_in(lab.state) == {}


def test_only_those_that_run_and_do_not_know_are_told(lab: Lab) -> None:
    known = digest(names_in(lab.state)["l1-0"])
    lab.change("l1-0", told=known)
    lab.change("l1-0/l2", ssh_port=None)
    lab.change("l1-1", told=None)
    lab.change("l1-1/l2", told="of before")
    assert set(to_tell(lab.state)) == {"l1-0/l2/l3", "l1-1/l2"}


def with_shells(lab: Lab, *paths: str, fails: str = "") -> dict[str, list[str]]:
    """Every machine is entered; what each was told."""
    told: dict[str, list[str]] = {path: [] for path in paths}
    for path in paths:

        def sh(_argv: tuple[str, ...], stdin: bytes, path: str = path) -> Completed:
            if path == fails:
                return answer(status=1, stderr="sh: no space left\n")
            told[path].append(stdin.decode())
            return answer("changed\n")

        machine = FakeMachine(path, programs={"sh": sh})
        lab.levels.append(Level(machine, facts()))
    return told


def tell(lab: Lab) -> list[Event]:
    events: list[Event] = []
    asyncio.run(tell_names(lab, FakeMachine("l0"), events.append))
    return events


def test_each_is_told_once_and_again_when_one_goes(lab: Lab) -> None:
    told = with_shells(lab, *TREE)
    events = tell(lab)
    assert told == {path: [hosts_block(hosts)] for path, hosts in names_in(lab.state).items()}
    assert Progress("l1-1/l2", "knows the names of the others", State.DONE) in events
    assert load_state(lab.folder) == lab.state
    assert tell(lab) == []

    lab.forget("l1-0/l2")
    tell(lab)
    assert [len(each) for each in told.values()] == [2, 1, 1, 2, 2]
    before, after = (below(text) for text in told["l1-1"])
    assert "l2.l1-0.seed" in before
    assert before.keys() - after.keys() == {"l2.l1-0.seed"}


def test_one_that_cannot_be_told_is_named_and_told_the_next_time(lab: Lab) -> None:
    with_shells(lab, *TREE, fails="l1-1")
    (notice,) = (each for each in tell(lab) if isinstance(each, Notice))
    assert notice.text.startswith("l1-1: not told the names of others (")
    assert set(to_tell(lab.state)) == {"l1-1"}
    lab.levels.clear()
    told = with_shells(lab, *TREE)
    tell(lab)
    assert [path for path, texts in told.items() if texts] == ["l1-1"]
    assert to_tell(lab.state) == {}


def test_what_is_inside_one_that_cannot_be_entered_is_named_with_it(lab: Lab) -> None:
    """Nobody listens at the ports of `FakeMachine`."""
    notices = [each.text for each in tell(lab) if isinstance(each, Notice)]
    assert sorted(text.partition(": not told")[0] for text in notices) == [
        "l1-0, l1-0/l2, l1-0/l2/l3",
        "l1-1, l1-1/l2",
    ]
    assert "does not run any more" in notices[0]


def test_a_lab_of_before_knows_of_no_names() -> None:
    """Their machines are told from their next start on."""
    state = LabState(id="x", place="/p", sockets="/s", guests=(record("l1-0", told=None),))
    assert to_tell(state) == {}
