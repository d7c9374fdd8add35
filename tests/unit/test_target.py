"""What a word of the command line means."""

from pathlib import Path

import pytest

from nestlab.errors import UsageError
from nestlab.machine.address import Address
from nestlab.survey.target import Here, Member, Remote, Tree, parse


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("l0", Here()),
        ("localhost", Here()),
        ("l1", Member(None, "l1")),
        ("l1/l2", Member(None, "l1/l2")),
        ("l1-0/l2", Member(None, "l1-0/l2")),
        ("seed:l1/l2", Member("seed", "l1/l2")),
        ("compute-0/app-1", Member(None, "compute-0/app-1")),
        ("seed:compute", Member("seed", "compute")),
        ("compute", Remote(Address("compute"))),
        ("host", Remote(Address("host"))),
        ("root@host", Remote(Address("host", "root"))),
        ("root@host:2222", Remote(Address("host", "root", 2222))),
        ("ssh://root@host:2222/", Remote(Address("host", "root", 2222))),
        ("[::1]:22", Remote(Address("::1", None, 22))),
        ("root@[fe80::1%eth0]", Remote(Address("fe80::1%eth0", "root"))),
        ("root@l1", Remote(Address("l1", "root"))),
    ],
)
def test_targets(text: str, target: object) -> None:
    assert parse(text, ["seed"]) == target


@pytest.mark.parametrize(
    "text", ["", "a b", "a:b", "other:l1", "a:0", "a:70000", "-oProxyCommand=x", "x@-oQ", "a@b@c"]
)
def test_what_is_no_target(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text, ["seed"])
    assert caught.value.code == "target.unreadable"


@pytest.mark.parametrize("text", ["root@host:22", "seed:l1", "l1/l2", "root@[::1]:22"])
def test_it_is_shown_as_it_is_typed(text: str) -> None:
    assert str(parse(text, ["seed"])) == text


def test_files_are_shown_as_paths() -> None:
    assert str(Tree(Path("/a b"))) == "/a b"
