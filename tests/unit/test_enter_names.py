"""Words that name machines and files on them, and what is copied where."""

from pathlib import Path

import pytest

from lab_examples import L1, L2, home, saved
from nestlab.errors import NestlabError, StoredDataError, UsageError
from nestlab.lab.enter.copying import Copy, plan_copy, targets
from nestlab.lab.record.known import find_lab
from nestlab.lab.record.naming import Name, Place, find_machine, parse_name, parse_place
from nestlab.lab.record.state import LabState, save_state


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("l1", Name(None, "l1")),
        ("l1/l2", Name(None, "l1/l2")),
        ("seed:l1-0/web", Name("seed", "l1-0/web")),
        ("my.lab-1:a_b", Name("my.lab-1", "a_b")),
    ],
)
def test_machines(word: str, name: Name) -> None:
    assert parse_name(word) == name
    assert str(name) == word


@pytest.mark.parametrize(
    "word", ["", "/", "l1/", "/l1", "l1//l2", "../l1", "a:b:c", "l1;x", "l1\n", "l 1", "ł1", "-o x"]
)
def test_what_is_no_machine(word: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_name(word)
    assert caught.value.code == "target.unreadable"


@pytest.mark.parametrize(
    ("word", "place"),
    [
        ("l1:/root/", Place(Name(None, "l1"), "/root/")),
        ("l1/l2:", Place(Name(None, "l1/l2"), "")),
        ("seed:l1/l2:a:b", Place(Name("seed", "l1/l2"), "a:b")),
        ("l1:a:b", Place(Name(None, "l1"), "a:b")),
        ("other:l1:b", Place(Name(None, "other"), "l1:b")),
        ("seed:file", Place(Name(None, "seed"), "file")),
        ("l1:new\nline", Place(Name(None, "l1"), "new\nline")),
        ("file", Place(None, "file")),
        ("./l1:b", Place(None, "./l1:b")),
        ("/l1:b", Place(None, "/l1:b")),
        ("a b:c", Place(None, "a b:c")),
    ],
)
def test_places(word: str, place: Place) -> None:
    assert parse_place(word, ["seed", "0a1b2c3d4e"]) == place


def test_both_ways() -> None:
    assert plan_copy(["a", "b", "l1:/x"], []) == Copy(Name(None, "l1"), True, ("a", "b"), "/x")
    assert plan_copy(["l1:", "."], []) == Copy(Name(None, "l1"), False, (".",), ".")


@pytest.mark.parametrize(
    "words",
    [[], ["a"], ["a", "b"], ["l1:a", "l1:b"], ["l1:a", "b", "c"], ["", "l1:"], ["l1:a", ""]],
)
def test_what_is_no_copy(words: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        plan_copy(words, [])
    assert caught.value.code == "cp.usage"


@pytest.mark.parametrize(
    ("source", "target", "into", "goal"),
    [
        ("a/b", "t", False, "t"),
        ("a/b", "t", True, "t/b"),
        ("a/b/", "t/", True, "t/b"),
        (".", "t", True, "t"),
        ("a/.", "t", True, "t"),
        ("..", "t", True, "t"),
        ("/", "t", True, "t"),
    ],
)
def test_names_of_copies(source: str, target: str, into: bool, goal: str) -> None:
    copy = Copy(Name(None, "l1"), True, (source,), target)
    assert targets(copy, into=into) == [(source, goal)]


def test_several_sources_need_a_folder() -> None:
    with pytest.raises(UsageError) as caught:
        targets(Copy(Name(None, "l1"), True, ("a", "b"), "t"), into=False)
    assert caught.value.code == "cp.not-a-folder"


def named(base: Path, lab: str, name: str) -> LabState:
    folder, state = saved(base, lab, guests=(L1, L2.model_copy(update={"ssh_port": None})))
    state = state.model_copy(update={"name": name})
    save_state(state, folder)
    return state


def test_a_lab_by_its_id_or_its_name(tmp_path: Path) -> None:
    first, second = named(tmp_path, "aa", "seed"), named(tmp_path, "bb", "aa")
    assert find_lab(home(tmp_path), "aa")[1] == first  # an id goes before a name
    assert find_lab(home(tmp_path), "seed")[1] == first
    assert find_lab(home(tmp_path), "bb")[1] == second
    with pytest.raises(StoredDataError) as caught:
        find_lab(home(tmp_path), None)
    assert caught.value.hint == "labs that are up: aa (seed), bb (aa)"


def test_a_name_that_two_labs_have(tmp_path: Path) -> None:
    named(tmp_path, "aa", "seed")
    named(tmp_path, "bb", "seed")
    with pytest.raises(StoredDataError) as caught:
        find_lab(home(tmp_path), "seed")
    assert caught.value.code == "lab.unknown"
    assert caught.value.message == "which lab is meant is not clear"


def test_a_machine_is_found_even_before_it_is_up(tmp_path: Path) -> None:
    named(tmp_path, "aa", "seed")
    assert find_machine(home(tmp_path), Name("seed", "l1/l2")).guest.ssh_port is None
    with pytest.raises(NestlabError) as caught:
        find_machine(home(tmp_path), Name(None, "l3"))
    assert caught.value.code == "lab.no-such-machine"
    assert caught.value.hint == "its machines: l1, l1/l2"
