"""What a rule is: a pure function of facts with a stable code, a reason and a source.

A rule says nothing (None) about machines that it does not concern, `ok` where the thing is as it
should be, and otherwise what it saw. A fact that is missing is never taken for a good one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from nestlab.facts.model import Facts

Severity = Literal["ok", "info", "warning", "error"]
"""`error`: guests of this machine cannot nest under KVM until it is mended."""


@dataclass(frozen=True)
class Seen:
    """What a rule saw on one machine.

    what    one sentence with the values that were found
    remedy  the exact command for this machine's distribution, or a step; empty when nothing is
            to be done
    """

    severity: Severity
    what: str
    remedy: str = ""


@dataclass(frozen=True)
class Rule:
    """A check with what `docs/checks.md` says about it.

    code     stable, dotted, lower case: `kvm.nested-disabled`
    meaning  what it means when it strikes, one sentence
    why      why it matters to somebody who wants to nest, one sentence
    remedy   what to do about it, in general
    source   where the fact comes from: kernel or QEMU documentation, a manual, an issue
    """

    code: str
    meaning: str
    why: str
    remedy: str
    source: str
    look: Callable[[Facts], Seen | None]


def rule(
    code: str, *, meaning: str, why: str, remedy: str, source: str
) -> Callable[[Callable[[Facts], Seen | None]], Rule]:
    """Make a rule of the function below it."""

    def make(look: Callable[[Facts], Seen | None]) -> Rule:
        return Rule(code, meaning, why, remedy, source, look)

    return make


@dataclass(frozen=True)
class Finding:
    """A rule's word about one machine, as `nestlab.doctor/1` has it."""

    code: str
    severity: Severity
    what: str
    why: str
    remedy: str
    source: str


def apply(rule: Rule, facts: Facts) -> Finding | None:
    """The rule's finding about these facts, or None when they do not concern it."""
    seen = rule.look(facts)
    if seen is None:
        return None
    return Finding(rule.code, seen.severity, seen.what, rule.why, seen.remedy, rule.source)
