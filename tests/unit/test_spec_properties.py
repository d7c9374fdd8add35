"""Nothing that can be written makes the loader raise anything but a UsageError."""

import random
from copy import deepcopy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from nestlab.errors import UsageError
from nestlab.spec.load import parse
from nestlab.spec.models import LabSpec
from nestlab.spec.tree import machines
from spec_examples import LABS, problem, text_of


def outcome_of(text: str) -> LabSpec | UsageError:
    try:
        return parse(text)
    except UsageError as error:
        return error


PIECES = st.sampled_from(
    ["guests", "name", "count", "networks", ": ", "- ", "\n", "  ", "[", "]", "{", "}", ", ", "&a ",
     "*a", "? ", "!!int ", "!x ", "---", "...", "|", ">", "'", '"', "#", "%YAML 1.1", "l1", "5",
     "~", "<<", "\t", "\\x00", "\ufeff", "\x85", "true", "4GiB", "defaults", "disks", "files"]
)  # fmt: skip


@given(st.one_of(st.text(), st.lists(PIECES | st.text(max_size=2), max_size=30).map("".join)))
@settings(max_examples=300)
def test_any_text_gives_a_lab_or_a_usage_error(text: str) -> None:
    outcome = outcome_of(text)
    if isinstance(outcome, UsageError):
        assert outcome.code.startswith("lab-file.")
        assert outcome.message.startswith("lab.yaml:")
        assert outcome.hint
    else:
        assert machines(outcome)


VALUES: list[Any] = [
    None, True, -1, 0, 1.5, "", "\n", "x" * 300, [], {}, [[]], {"a": 1}, [None],
]  # fmt: skip
JUNK = st.sampled_from(VALUES)


@given(LABS, JUNK, st.randoms(use_true_random=False))
@settings(max_examples=100)
def test_junk_anywhere_is_a_usage_error(data: Any, junk: Any, chance: random.Random) -> None:
    data = deepcopy(data)  # strategies share what is constant
    place = data
    while isinstance(place, dict | list) and place:
        key = chance.choice(list(place)) if isinstance(place, dict) else len(place) - 1
        inner = place[key]
        if chance.random() < 0.3 or not isinstance(inner, dict | list) or not inner:
            place[key] = junk
            break
        place = inner
    outcome = outcome_of(text_of(data))
    if isinstance(outcome, UsageError):
        assert outcome.message.startswith("lab.yaml:")


@given(LABS, st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_a_key_that_is_misspelt_is_told_with_its_line(data: Any, chance: random.Random) -> None:
    data = deepcopy(data)
    owner = chance.choice(data["guests"])
    key = chance.choice(list(owner))
    keys = [f"{each}zz" if each == key else each for each in owner]
    renamed = dict(zip(keys, owner.values(), strict=True))
    owner.clear()
    owner.update(renamed)
    text = text_of(data)
    found = problem(text)
    told = [each for each in (found.message, *found.notes) if "is not a known key" in each]
    assert len(told) == 1
    line = int(told[0].split(":")[1])
    assert f"{key}zz:" in text.splitlines()[line - 1]
    assert f"did you mean `{key}`?" in f"{told[0]} {found.hint}"
