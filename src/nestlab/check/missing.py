"""What could not be read."""

from nestlab.check.rule import Rule, Seen, rule
from nestlab.facts.model import Facts

_SHOWN = 160  # characters of a reason


@rule(
    "facts.unknown",
    meaning="Some facts could not be read.",
    why="A missing fact is never taken for a good one: checks that need it say nothing.",
    remedy="Run nestlab doctor as root, or on the machine itself, if they matter.",
    source="nestlab: the probe",
)
def unknown(facts: Facts) -> Seen | None:
    """Names and reasons, as the probe gave them."""
    if not facts.unknown:
        return None
    said = "; ".join(f"{name} ({why[:_SHOWN]})" for name, why in sorted(facts.unknown.items()))
    return Seen("info", f"not known: {said}")


RULES: tuple[Rule, ...] = (unknown,)
