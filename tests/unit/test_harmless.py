"""Strings of others: shown, not obeyed, and never without end."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostile import HOSTILE, obeyed
from nestlab.harmless import LONGEST, plain, plain_json, plain_line

ANYTHING = st.text(st.characters(codec=None, exclude_categories=()))


@given(ANYTHING)
def test_nothing_that_a_terminal_obeys_is_left(text: str) -> None:
    shown = plain(text)
    assert obeyed(shown) == []
    assert "\n" not in shown
    assert obeyed(plain_line(text).replace("\t", "")) == []


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_shown(text: str) -> None:
    shown = plain(text)
    assert obeyed(shown) == []
    assert len(shown) <= 10 * LONGEST + 40
    assert shown  # and not just left out


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("AMD EPYC 7713 (2.0 GHz), 50 %", "AMD EPYC 7713 (2.0 GHz), 50 %"),
        ("Größe 5 µs — naïve 日本語 Ω", "Größe 5 µs — naïve 日本語 Ω"),
        ("e\u0301", "e\u0301"),  # an accent of its own
        ("a\x1b[1m\n\u202eé", "a\\x1b[1m\\n\\u202eé"),
        ("\U000e0041", "\\U000e0041"),
        ("\udcff", "\\udcff"),
        ("a\tb", "a\\tb"),
    ],
)
def test_what_is_harmless_stays(text: str, shown: str) -> None:
    assert plain(text) == shown


def test_a_tabulator_in_a_line_of_a_file_stays() -> None:
    assert plain_line("a\tb\x07") == "a\tb\\x07"


def test_a_long_string_says_how_long_it_was() -> None:
    assert plain("x" * LONGEST) == "x" * LONGEST
    assert plain("x" * 1000, longest=10) == "x" * 10 + "… (990 more characters)"


@given(st.dictionaries(st.text(), st.text() | st.integers() | st.lists(st.text())))
def test_json_says_the_same_without_its_effect(data: dict[str, object]) -> None:
    text = json.dumps(data, ensure_ascii=False, indent=1)
    assert json.loads(plain_json(text)) == data
    told = plain_json(text)
    assert [each for each in obeyed(told) if each != "stacked marks"] == []
