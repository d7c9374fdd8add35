"""How examples of checks are written down and looked at."""

from collections.abc import Mapping
from dataclasses import dataclass

from facts_examples import full
from nestlab.check.catalogue import ALL
from nestlab.check.rule import Finding, Severity, apply
from nestlab.facts.model import Facts

BY_CODE = {rule.code: rule for rule in ALL}
GOOD = full()


@dataclass(frozen=True)
class Strike:
    """Facts that a check complains about, and words of its complaint and its remedy."""

    facts: Facts
    severity: Severity
    what: str
    remedy: str = ""


Strikes = Mapping[str, tuple[Strike, ...]]


def look(code: str, facts: Facts) -> Finding | None:
    """What the rule with that code says."""
    return apply(BY_CODE[code], facts)


def each(strikes: Strikes) -> list[tuple[str, Strike]]:
    """Parameters of a test, one for each example."""
    return [(code, strike) for code, found in strikes.items() for strike in found]


def check(code: str, strike: Strike) -> None:
    """The rule strikes as the example says."""
    found = look(code, strike.facts)
    assert found is not None
    assert found.severity == strike.severity
    assert strike.what in found.what
    assert strike.remedy in found.remedy
    assert found.remedy or strike.severity in {"info", "ok"}


def content(code: str, facts: Facts = GOOD) -> bool:
    """Whether the rule has nothing to complain about."""
    found = look(code, facts)
    return found is None or found.severity == "ok"
