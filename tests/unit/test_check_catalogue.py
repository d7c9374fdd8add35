"""What is true of every check: its texts, an example that strikes, and the page about it."""

import re
from importlib import import_module
from pathlib import Path

import pytest

from check_cases import BY_CODE, GOOD
from nestlab.check.catalogue import ALL, GROUPS
from nestlab.check.chain import CHAIN
from nestlab.check.document import checks_markdown
from nestlab.check.rule import Rule
from nestlab.check.verdict import examine

HERE = Path(__file__).parent
EXAMPLES = [
    import_module(path.stem)
    for path in sorted(HERE.glob("test_check_*.py"))
    if "STRIKES: Strikes" in path.read_text("utf-8") and path != Path(__file__)
]


def test_codes_are_unique() -> None:
    assert len(BY_CODE) == len(ALL)


@pytest.mark.parametrize("rule", ALL, ids=lambda rule: rule.code)
def test_a_rule_says_everything_about_itself(rule: Rule) -> None:
    assert re.fullmatch(r"[a-z]+\.[a-z0-9]+(-[a-z0-9]+)*", rule.code)
    for text in (rule.meaning, rule.why):
        assert text.endswith(".")
        assert "\n" not in text
    assert rule.source
    assert rule.remedy or rule.code == "kvm.proved"


def test_every_rule_has_an_example_that_strikes() -> None:
    examples = {code for module in EXAMPLES for code in module.STRIKES}
    assert examples == set(BY_CODE)


def test_the_chain_is_made_of_rules() -> None:
    assert set(CHAIN) <= set(ALL)


def test_a_good_machine_has_no_warning() -> None:
    seen = {finding.code for finding in examine(GOOD) if finding.severity in {"error", "warning"}}
    assert seen == set()


def test_the_page_is_up_to_date() -> None:
    page = HERE.parent.parent / "docs" / "checks.md"
    assert page.read_text("utf-8") == checks_markdown(), "run: python docs/generate.py"


def test_the_page_has_every_rule() -> None:
    page = checks_markdown()
    for group in GROUPS:
        assert f"\n## {group.title}\n" in page
    for rule in ALL:
        entry = page.partition(f"\n### {rule.code}\n")[2].partition("\n#")[0]
        for text in (rule.meaning, rule.why, rule.remedy, rule.source):
            assert text in entry
