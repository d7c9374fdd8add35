"""Whom the machines of a lab can talk to, and at which address."""

from typing import Any

from nestlab.lab.measure.neighbours import neighbours
from nestlab.lab.record.state import GuestRecord, LabState
from nestlab.machine.fake import FakeMachine


def record(path: str, subnet: str | None = None, **addresses: str) -> GuestRecord:
    return GuestRecord(
        path=path, identity=path, folder="/f", sockets="/s", host_key="k",
        subnet=subnet, addresses=addresses,
    )  # fmt: skip


STATE = LabState(
    id="x",
    place="/p",
    sockets="/s",
    guests=(
        record("l1", "10.96.0.0/24", storage="10.97.0.10/24"),
        record("l1/a", "10.96.1.0/24", storage="10.97.0.11/24", tenant="10.98.0.11/24"),
        record("l1/b", "10.96.1.0/24", tenant="10.98.0.12/24"),
        record("l2", "10.96.2.0/24"),
    ),
)
UP = {path: FakeMachine(path) for path in ("l0", "l1", "l1/a", "l1/b", "l2")}


def told(path: str, **more: Any) -> list[tuple[str, str, str, str]]:
    found = neighbours(path, STATE, {**UP, **more})
    return [(each.relation, each.machine.path, each.address, each.listen) for each in found]


def test_on_a_network_that_both_are_on() -> None:
    assert told("l1/a") == [
        ("parent", "l1", "10.97.0.10", ""),
        ("sibling", "l1/b", "10.98.0.12", ""),
    ]


def test_the_parent_is_behind_the_gateway_of_ones_own_network() -> None:
    assert told("l1") == [("parent", "l0", "10.96.0.2", "127.0.0.1")]
    assert told("l1/b")[0] == ("parent", "l1", "10.96.1.2", "127.0.0.1")


def test_who_is_not_up_and_who_has_no_parent() -> None:
    assert told("l0") == []
    alone = neighbours("l1/a", STATE, {"l1": UP["l1"]})
    assert [each.relation for each in alone] == ["parent"]
    assert neighbours("l1/a", STATE, {}) == ()
