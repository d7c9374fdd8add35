"""A comparison as plain text cells, before it is drawn."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from nestlab.analysis.models import Change, Loss, Side, Verdict
from nestlab.harmless import plain
from nestlab.report.comparison import Comparison, told
from nestlab.report.text import ABSENT, NO_DIFFERENCE, loss_interval, number, percent

HEAD = ("figure", "level", "A", "B", "change", "95 %", "p", "verdict")
STEP_HEAD = ("figure", "step", "A", "B")

_WORDS: dict[Verdict, str] = {
    "better": "better",
    "worse": "worse",
    "no-difference-shown": NO_DIFFERENCE,
    "too-few-samples": "too few samples",
    "not-comparable": "not comparable",
}


@dataclass(frozen=True)
class Block:
    """The changes of one case, and its losses from level to level in both runs."""

    title: str
    changes: tuple[tuple[str, ...], ...]
    steps: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class ComparisonGrid:
    """Everything that is printed, in printable text whatever a guest put into the results."""

    title: str
    blocks: tuple[Block, ...]
    notes: tuple[str, ...]


def comparison_grid(found: Comparison) -> ComparisonGrid:
    """Cells and notes. As in a report a minus is always the worse."""
    labels = _labels(found)
    cases: dict[tuple[str, str], list[Change]] = {}
    for change in _shown(found):
        cases.setdefault((change.workload, change.case), []).append(change)
    return ComparisonGrid(
        title=plain(f"A {found.a}, B {found.b}"),
        blocks=tuple(
            _block(plain(" ".join(case)), changed, found.threshold, labels)
            for case, changed in cases.items()
        ),
        notes=tuple(map(plain, _notes(found))),
    )


def _shown(found: Comparison) -> Iterator[Change]:
    """What both have: rates, what costs time where a case has no rate, and every regression."""
    rated = {(each.workload, each.case) for each in found.changes if each.better == "higher"}
    for change in found.changes:
        both = change.a is not None and change.b is not None
        rate = change.better == "higher" or (change.workload, change.case) not in rated
        if both and (rate or change.regressed(found.threshold)):
            yield change


def _block(title: str, changed: list[Change], threshold: float, labels: dict[str, str]) -> Block:
    named = [(_figure(change, changed), change) for change in changed]
    return Block(
        title=title,
        changes=tuple(
            (figure, labels[change.machine], *_cells(change, threshold)) for figure, change in named
        ),
        steps=tuple(
            (figure, _step(change, labels), _step_loss(change.a), _step_loss(change.b))
            for figure, change in named
            if _has_step(change)
        ),
    )


def _cells(change: Change, threshold: float) -> tuple[str, ...]:
    return (
        _median(change.a),
        _median(change.b),
        percent(-change.loss.value) if change.loss else ABSENT,
        _interval(change.loss),
        ABSENT if change.p is None else "<0.001" if change.p < 0.001 else f"{change.p:.3f}",
        "regression" if change.regressed(threshold) else _WORDS[change.verdict],
    )


def _step(change: Change, labels: dict[str, str]) -> str:
    above = change.parent or ABSENT
    against = labels.get(above, plain(above)).removesuffix(" emulated")
    return f"{labels[change.machine].removesuffix(' emulated')} against {against}"


def _has_step(change: Change) -> bool:
    return any(side is not None and side.step_loss for side in (change.a, change.b))


def _step_loss(side: Side | None) -> str:
    return percent(-side.step_loss.value) if side and side.step_loss else ABSENT


def _figure(change: Change, changed: list[Change]) -> str:
    """The unit, and the metric where the unit alone would not tell."""
    alone = {other.metric for other in changed if other.unit == change.unit} == {change.metric}
    rate = change.better == "higher" and alone
    return plain(change.unit if rate else f"{change.metric} {change.unit}")


def _labels(found: Comparison) -> dict[str, str]:
    """`L1` for each machine, with the path where several share the level; and `emulated`."""
    levels = {change.machine: change.level for change in found.changes}
    shared = Counter(levels.values())
    emulated = found.emulated
    return {
        path: (f"L{level} {plain(path)}" if shared[level] > 1 else f"L{level}")
        + (" emulated" if path in emulated else "")
        for path, level in levels.items()
    }


def _median(side: Side | None) -> str:
    return ABSENT if side is None or side.median is None else number(side.median)


def _interval(loss: Loss | None) -> str:
    bounds = loss_interval(loss) if loss else None
    return f"{bounds} %" if bounds else ABSENT


def _notes(found: Comparison) -> Iterator[str]:
    if found.despite:
        why = "--force" if found.despite == "force" else "a published run is one of the two"
        yield f"not comparable, compared all the same ({why}): the keys that differ follow"
    for difference in found.differences:
        yield f"{'differs' if difference.blocks else 'note'}: {told(difference)}"
    for name, missing in (("A", "b"), ("B", "a")):
        alone = [change for change in found.changes if getattr(change, missing) is None]
        if alone:
            cases = dict.fromkeys(f"{c.workload} {c.case} on {c.machine}" for c in alone)
            yield f"only in {name}: {', '.join(cases)}"
    for change in found.changes:
        if change.reason and change.a and change.b:
            figure = f"{change.workload} {change.case} {change.metric} on {change.machine}"
            yield f"{figure}: not comparable: {change.reason}"
    yield "a change is that of the medians, and minus is the worse"
    limit = percent(found.threshold).lstrip("+")
    yield f"regressions beyond {limit}: {found.regressions or 'none'}"
    for warning in found.warnings:
        yield f"warning: {warning.text} ({warning.code})"
