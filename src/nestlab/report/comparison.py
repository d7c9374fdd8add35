"""Two results compared, `nestlab.comparison/1`: refuse what is not comparable, then the changes."""

from typing import Literal

from pydantic import Field

from nestlab.analysis.comparable import differences, shared
from nestlab.analysis.compare import changes
from nestlab.analysis.models import Change, Difference
from nestlab.errors import UsageError
from nestlab.report.caveats import caveats
from nestlab.report.models import Caveat, Part
from nestlab.result.models import Result

SCHEMA: Literal["nestlab.comparison/1"] = "nestlab.comparison/1"
LISTED = 40
"""Keys that the refusal lists; it counts the others."""


class Comparison(Part):
    """What changed from a to b.

    a, b         the ids of the runs
    threshold    the loss beyond which what is worse is a regression, as a fraction
    despite      why it was compared although keys differ that block; null when none does
    regressions  how many changes are regressions
    warnings     of both results; their texts begin with `A: ` or `B: `
    """

    schema_: Literal["nestlab.comparison/1"] = Field(default=SCHEMA, alias="schema")
    a: str
    b: str
    threshold: float
    despite: Literal["force", "reference"] | None
    differences: tuple[Difference, ...]
    changes: tuple[Change, ...]
    regressions: int
    warnings: tuple[Caveat, ...]

    @property
    def emulated(self) -> frozenset[str]:
        """Paths of the machines whose figures are emulation in one of the runs."""
        found = (each for each in self.warnings if each.code == "emulated")
        return frozenset(path for each in found for path in each.where)


def comparison(
    a: Result, b: Result, *, threshold: float, forced: bool = False, reference: bool = False
) -> Comparison:
    """Compare, if that makes sense. Pure.

    forced     compare although keys differ
    reference  one of the two was published by others: no host is theirs, and that is known

    Raises UsageError (`compare.not-comparable`) with the keys that differ, or because there is no
    figure that both have.
    """
    found = differences(a, b)
    blocking = [each for each in found if each.blocks]
    if not shared(a, b):
        raise UsageError(
            "compare.not-comparable",
            "the two runs have no figure in common",
            hint="`nestlab report` shows what each of them has",
        )
    if blocking and not (forced or reference):
        raise _refusal(blocking)
    changed = changes(a, b)
    return Comparison(
        a=a.run.id,
        b=b.run.id,
        threshold=threshold,
        despite=None if not blocking else "force" if forced else "reference",
        differences=found,
        changes=changed,
        regressions=sum(change.regressed(threshold) for change in changed),
        warnings=(*_named("A", a), *_named("B", b)),
    )


def told(difference: Difference) -> str:
    """One difference as text."""
    one, other = difference.a or "not said", difference.b or "not said"
    return f"{difference.where}, {difference.key}: {one} in A, {other} in B"


def _refusal(blocking: list[Difference]) -> UsageError:
    more = len(blocking) - LISTED
    return UsageError(
        "compare.not-comparable",
        f"{len(blocking)} key{'s' if len(blocking) > 1 else ''} that must be equal "
        f"differ{'' if len(blocking) > 1 else 's'}",
        hint="when that is what you study, --force compares all the same and says so on the report",
        notes=(*map(told, blocking[:LISTED]), *((f"{more} more",) if more > 0 else ())),
    )


def _named(name: str, result: Result) -> tuple[Caveat, ...]:
    return tuple(
        each.model_copy(update={"text": f"{name}: {each.text}"}) for each in caveats(result)
    )
