"""The tree of a lab from its records, and parts of it."""

import pytest

from lab_examples import L1
from nestlab.errors import StoredDataError, UsageError
from nestlab.lab.network.wiring import changes_networks
from nestlab.lab.record.state import GuestRecord, LabState
from nestlab.lab.wanted.spec import GuestSpec, NetworkSpec
from nestlab.lab.wanted.tree import branch, changed, must_have_networks, paths_in, with_guest
from nestlab.units import GIB


def record(path: str, *, stopped: bool = False) -> GuestRecord:
    spec = GuestSpec(path.rpartition("/")[2], vcpus=2, memory=GIB)
    return L1.model_copy(update={"path": path, "spec": spec, "stopped": stopped})


PATHS = ("l1", "l1/l2", "l1/l3", "l1/l2/l4", "l10", "l10/l2")
STATE = LabState(
    id="x", name="seed", place="/p", sockets="/s", guests=tuple(record(path) for path in PATHS)
)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("l0", ["l1", "l1/l2", "l1/l2/l4", "l1/l3", "l10", "l10/l2"]),
        ("l1", ["l1", "l1/l2", "l1/l2/l4", "l1/l3"]),
        ("l1/l2", ["l1", "l1/l2", "l1/l2/l4"]),
        ("l1/l3", ["l1", "l1/l3"]),
        ("l10", ["l10", "l10/l2"]),
    ],
)
def test_a_branch_is_a_machine_with_its_ancestors_and_all_in_it(
    path: str, found: list[str]
) -> None:
    assert list(paths_in(branch(STATE, path))) == found


def test_what_the_user_stopped_stays_off_unless_it_is_meant() -> None:
    guests = tuple(record(path, stopped=path in {"l1", "l1/l3"}) for path in PATHS)
    state = STATE.model_copy(update={"guests": guests})
    assert list(paths_in(branch(state, "l1", stopped=False))) == ["l1", "l1/l2", "l1/l2/l4"]
    assert list(paths_in(branch(state, "l1/l3", stopped=False))) == ["l1", "l1/l3"]


def test_one_guest_changes_and_no_other() -> None:
    tree = changed(branch(STATE, "l0"), "l1/l2", {"memory": 4 * GIB})
    (first, second) = tree
    assert [guest.memory for guest in first.guests] == [4 * GIB, GIB]
    assert second.guests[0].memory == GIB
    assert list(paths_in(tree)) == list(paths_in(branch(STATE, "l0")))


def test_a_new_guest_stands_alone_in_its_ancestors() -> None:
    new = GuestSpec("l9", vcpus=1, memory=GIB)
    assert list(paths_in(with_guest(STATE, "l1/l2", new))) == ["l1", "l1/l2", "l1/l2/l9"]
    assert with_guest(STATE, "l0", new) == (new,)


def test_with_all_others_what_the_user_stopped_stays_off() -> None:
    new = GuestSpec("l9", vcpus=1, memory=GIB)
    guests = tuple(record(path, stopped=path == "l1/l3") for path in PATHS)
    state = STATE.model_copy(update={"guests": guests})
    assert list(paths_in(with_guest(state, "l1/l2", new, whole=True))) == [
        *("l1", "l1/l2", "l1/l2/l4", "l1/l2/l9", "l10", "l10/l2"),
    ]
    at_root = with_guest(state, "l0", new, whole=True)
    assert [guest.name for guest in at_root] == ["l1", "l10", "l9"]


def test_a_network_that_the_lab_has_not_is_said_with_those_that_it_has() -> None:
    state = STATE.model_copy(update={"networks": (NetworkSpec("storage"), NetworkSpec("tenant"))})
    must_have_networks(state, ("tenant",))
    with pytest.raises(UsageError) as caught:
        must_have_networks(state, ("tenant", "stroage"))
    assert caught.value.code == "lab.unknown-network"
    assert caught.value.message == "lab seed has no network stroage"
    assert caught.value.hint == "its networks: storage, tenant"
    with pytest.raises(UsageError) as caught:
        must_have_networks(STATE, ("tenant",))
    assert "it has none" in (caught.value.hint or "")


CARRIES = ("storage 1400", "storage bridge")
ON = {"storage": "10.96.0.10/24"}


@pytest.mark.parametrize(
    ("parent", "changes", "found"),
    [
        ("l1", {"l1": {"cards": CARRIES}, "l1/l2": {"addresses": ON}}, False),
        ("l1", {"l1/l2": {"addresses": ON}}, True),  # l1 does not carry it
        ("l1", {"l1": {"cards": CARRIES, "addresses": ON}}, True),  # all were at level 1: MTU
        ("l0", {"l1/l2": {"addresses": ON}}, False),
        ("l0", {}, False),
        ("l1/l2", {"l1": {"cards": CARRIES}, "l1/l3": {"addresses": ON}}, True),
    ],
)
def test_who_is_there_needs_other_cards_for_a_new_guest(
    parent: str, changes: dict[str, dict[str, object]], *, found: bool
) -> None:
    guests = tuple(each.model_copy(update=changes.get(each.path, {})) for each in STATE.guests)
    state = STATE.model_copy(update={"guests": guests})
    assert changes_networks(state, parent, ("storage",)) is found
    assert not changes_networks(state, parent, ())


def test_a_name_is_there_once() -> None:
    with pytest.raises(UsageError) as caught:
        with_guest(STATE, "l1", GuestSpec("l3", vcpus=1, memory=GIB))
    assert caught.value.code == "lab.machine-exists"
    assert "nestlab remove l1/l3" in (caught.value.hint or "")


def test_an_unknown_machine_is_said_with_those_that_there_are() -> None:
    with pytest.raises(StoredDataError) as caught:
        branch(STATE, "l7")
    assert caught.value.code == "lab.no-such-machine"
    assert "l1/l2/l4" in (caught.value.hint or "")
    with pytest.raises(StoredDataError) as caught:
        with_guest(STATE, "l7", GuestSpec("l9", vcpus=1, memory=GIB))
    assert caught.value.code == "lab.no-such-machine"
