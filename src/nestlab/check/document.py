"""`docs/checks.md`, made from the rules (pure)."""

from collections.abc import Iterator

from nestlab.check.catalogue import GROUPS
from nestlab.check.chain import CHAIN
from nestlab.check.rule import Rule

_HEAD = """# Checks

<!-- Written by docs/generate.py from src/nestlab/check; change the rules, not this page. -->

What `nestlab doctor` looks at. Each check is a pure function of the facts and has a stable code.
A finding is `error` (guests of this machine cannot nest under KVM until it is mended), `warning`,
`info` or `ok`. A fact that could not be read is never taken for a good one. The commands in a
finding are those for the machine's own distribution.

The first error in this order is the verdict's `broken_link`:
"""


def checks_markdown() -> str:
    """The whole page."""
    chain = " → ".join(f"`{rule.code}`" for rule in CHAIN)
    parts = [_HEAD, f"{chain}.\n"]
    for group in GROUPS:
        parts.append(f"## {group.title}\n")
        parts.extend(_entry(rule) for rule in group.rules)
    return "\n".join(parts)


def _entry(rule: Rule) -> str:
    return f"### {rule.code}\n\n" + "\n".join(_lines(rule)) + "\n"


def _lines(rule: Rule) -> Iterator[str]:
    yield f"{rule.meaning}\n"
    yield f"- Why: {rule.why}"
    if rule.remedy:
        yield f"- Remedy: {rule.remedy}"
    yield f"- Source: {rule.source}"
