"""Consoles of installers, as steps and prompts: whole transcripts, and every way to cut them."""

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nestlab.install.console import PATIENCE, Reader, Seen
from nestlab.install.family import family_of

GOLDEN = Path(__file__).parent.parent / "golden" / "install" / "consoles"
CONSOLES = sorted(GOLDEN.glob("*.log"))


def system_of(file: Path) -> str:
    """`debian-13-prompt.log` is of `debian`."""
    return file.name.partition("-")[0]


def reader(system: str = "debian") -> Reader:
    return Reader(family_of(system).signs)


def told(system: str, *pieces: bytes) -> dict[str, object]:
    """All that is seen of a console, and what it comes to when nothing follows."""
    mine = reader(system)
    seen = [each for piece in pieces for each in mine.feed(piece, 0.0)]
    left = mine.overdue(PATIENCE)
    return {
        "steps": [each.text for each in seen if each.kind == "step"],
        "panicked": [each.text for each in seen if each.kind == "panicked"],
        "waiting": None if left is None else [left.kind, left.text, *left.quote],
        "done": mine.done,
        "ended": mine.ended,
    }


@pytest.mark.parametrize("file", CONSOLES, ids=lambda file: file.stem)
def test_a_transcript_is_told_as_it_was_written_down(file: Path) -> None:
    expected = json.loads(file.with_suffix(".json").read_text("utf-8"))
    assert told(system_of(file), file.read_bytes()) == expected


@pytest.mark.parametrize("file", CONSOLES, ids=lambda file: file.stem)
def test_the_same_is_told_however_it_comes(file: Path) -> None:
    data = file.read_bytes()[-20_000:]
    whole = told(system_of(file), data)
    for size in (1, 7, 4096):
        pieces = [data[at : at + size] for at in range(0, len(data), size)]
        found = told(system_of(file), *pieces)
        # a bar that grows piece by piece is told more often, a step never less
        assert {**found, "steps": None} == {**whole, "steps": None}
        assert set(whole["steps"]) <= set(found["steps"])  # type: ignore[call-overload]


def test_every_installer_has_a_transcript() -> None:
    assert {system_of(file) for file in CONSOLES} >= {"debian", "fedora", "ubuntu", "opensuse"}
    whole = [json.loads(file.with_suffix(".json").read_text()) for file in CONSOLES]
    assert any(each["done"] and each["ended"] for each in whole)
    assert any(each["waiting"] for each in whole)


# --- single observations --------------------------------------------------------------------------

BAR = b"Installing the base system  ... 1%... 9%... 17%... 42%"


def test_a_bar_is_told_in_steps_of_ten() -> None:
    mine = reader()
    seen = [each.text for at in range(len(BAR)) for each in mine.feed(BAR[at : at + 1], 0.0)]
    assert seen == [
        "installing the base system (0 %)",
        "installing the base system (10 %)",
        "installing the base system (40 %)",
    ]
    assert mine.step == "installing the base system"


def test_an_unknown_bar_is_told_by_its_own_title() -> None:
    seen = reader().feed(b"Frobnicating things  ... 3%... 12%\r\n", 0.0)
    assert [each.text for each in seen] == ["Frobnicating things (10 %)"]


QUESTION = (
    b"Installing the base system  ... 50%\r\n"
    b"Set up users and passwords\r\n--------------------------\r\n\r\n"
    b"You need to set a password.\r\nRoot password:"
)


def test_a_prompt_is_one_when_nothing_follows() -> None:
    mine = reader()
    assert [each.kind for each in mine.feed(QUESTION, 10.0)] == ["step"]
    assert mine.overdue(10.0 + PATIENCE - 0.1) is None
    found = mine.overdue(10.0 + PATIENCE)
    assert found is not None
    assert (found.kind, found.quote[-1]) == ("prompt", "Root password:")
    assert "Set up users and passwords" in found.quote


def test_a_prompt_that_goes_on_by_itself_is_none() -> None:
    mine = reader()
    mine.feed(QUESTION, 10.0)
    mine.feed(b"\r\nInstalling the base system  ... 60%", 12.0)
    assert mine.overdue(100.0) is None
    assert mine.pending() is None


def test_noise_of_the_kernel_does_not_answer_a_prompt() -> None:
    mine = reader()
    mine.feed(QUESTION, 10.0)
    for second in range(60):
        mine.feed(b"\r\n[  12.3] random: crng init done", 10.0 + second)
    assert mine.overdue(70.0) is not None


@pytest.mark.parametrize(
    ("system", "text", "kind"),
    [
        ("debian", "\x1b[1;1H\u250c\u2524 [!!] Select a language \u251c\u2510", "prompt"),
        ("debian", "Prompt: '?' for help, default=1> ", "prompt"),
        ("fedora", "Please make a selection from the above ['b' to begin, …]: ", "prompt"),
        ("fedora", "Press ENTER to continue: ", "prompt"),
        ("fedora", "You are in emergency mode. After logging in, type \"journalctl\"", "prompt"),
        ("fedora", "dracut-initqueue[900]: Warning: dracut-initqueue timeout", "failed"),
        ("fedora", "An unknown error has occurred, the installer has crashed", "failed"),
        ("ubuntu", "Continue with autoinstall? (yes|no)", "prompt"),
        ("ubuntu", "finish: subiquity/Install/install: FAIL: Command failed", "failed"),
        ("ubuntu", "(initramfs) ", "prompt"),
        ("opensuse", "No repository found.", "failed"),
        ("opensuse", "\x1b[20;30H[OK]", "prompt"),
        ("opensuse", "Main Menu\r\n\r\n1) Start Installation\r\n2) Settings\r\n\r\n> ", "prompt"),
        ("opensuse", "linux-7xk login: ", "prompt"),
    ],
)  # fmt: skip
def test_what_cannot_end_well_is_recognised(system: str, text: str, kind: str) -> None:
    mine = reader(system)
    mine.feed(text.encode(), 0.0)
    found = mine.overdue(PATIENCE)
    assert found is not None
    assert found.kind == kind


@pytest.mark.parametrize("system", ["debian", "fedora", "ubuntu", "opensuse"])
def test_a_panic_is_told_at_once(system: str) -> None:
    line = b"[   2.0] Kernel panic - not syncing: VFS: Unable to mount root fs\r\n"
    seen = reader(system).feed(b"one\r\ntwo\r\n" + line, 0.0)
    assert [(each.kind, each.text) for each in seen] == [
        ("panicked", "VFS: Unable to mount root fs")
    ]
    assert seen[0].quote[0] == "one"


def test_what_is_said_is_made_harmless() -> None:
    mine = reader()
    mine.feed(
        "x\u202edrowssap\x9b31m\r\n-----\r\n\x1b]0;title\x07\x1b[31mRoot password:".encode(), 0.0
    )
    found = mine.overdue(PATIENCE)
    assert found is not None
    for line in found.quote:
        assert line.isprintable()
        assert "\u202e" not in line


def test_a_line_without_an_end_is_bounded() -> None:
    mine = reader()
    for _ in range(300):
        mine.feed(b"x" * 4096, 0.0)
    assert all(len(line) < 300 for line in mine.last)


def pieces(data: bytes, cuts: list[int]) -> Iterator[bytes]:
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    yield from (data[a:b] for a, b in pairwise(places))


@given(data=st.binary(max_size=400), cuts=st.lists(st.integers(0, 400), max_size=6))
def test_no_bytes_break_it(data: bytes, cuts: list[int]) -> None:
    seen: list[Seen] = []
    mine = reader()
    for piece in pieces(data + QUESTION, cuts):
        seen += mine.feed(piece, 0.0)
    assert mine.overdue(PATIENCE) is not None
    for each in seen:
        assert each.text.isprintable()
