"""How a verdict looks."""

import io

import pytest
from rich.console import Console

from facts_examples import facts, kvm
from nestlab.check.verdict import judge
from nestlab.report.diagnosis import Line, diagnosis, summary

DEAF = facts(kvm=kvm(vmx=False, svm=False).model_dump(), nested={"kvm_amd": "0"})


def shown(*, width: int = 60, wrapped: bool = True, everything: bool = False) -> str:
    file = io.StringIO()
    group = diagnosis("l0", judge(DEAF), everything=everything, wrapped=wrapped)
    Console(file=file, width=width).print(group, soft_wrap=not wrapped)
    return file.getvalue()


def test_the_verdict_comes_first_and_the_worst_next() -> None:
    lines = shown(width=200).splitlines()
    assert lines[0] == "l0: not ready: nested virtualization is off (kvm_amd.nested=0)"
    assert lines[3] == "error kvm.nested-disabled"


def test_on_a_terminal_nothing_is_wider_than_it() -> None:
    assert max(map(len, shown(width=60).splitlines())) <= 60


def test_in_a_file_no_line_is_broken() -> None:
    (remedy,) = [line for line in shown(wrapped=False).splitlines() if "nestlab enable" in line]
    assert remedy.startswith("  do:  `nestlab enable`")
    assert len(remedy) > 60


@pytest.mark.parametrize("everything", [True, False])
def test_what_passed_is_shown_when_it_is_wanted(everything: bool) -> None:
    text = shown(width=200, everything=everything)
    assert ("\nok " in text) == everything
    assert ("checks passed" in text) != everything


def test_a_row_of_the_summary() -> None:
    file = io.StringIO()
    Console(file=file, width=120).print(summary([Line("a\x1b[31m", judge(DEAF), 1.24)]))
    row = file.getvalue().splitlines()[-1]
    assert row.split() == [
        "a\\x1b[31m", "no", "1", "kvm.nested-disabled", "nested", "virtualization", "is", "off",
        "(kvm_amd.nested=0)", "1.2",
    ]  # fmt: skip
