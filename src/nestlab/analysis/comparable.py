"""Which keys two results must share for their figures to be compared, and which are worth a word.

Identity facts, the accelerator and the work itself must be the same. Conditions, tool versions and
what one side does not say are worth a word. What changes with every run is neither.
"""

from collections.abc import Iterator, Mapping

from nestlab.analysis.models import Difference
from nestlab.result.models import FactValue, MachineRecord, Result, Series, SeriesKey

MEMORY = "memory"
MEMORY_TOLERANCE = 0.01
"""MemTotal leaves out what the kernel keeps, which differs from kernel to kernel."""

TRANSIENT = frozenset({"load_1min", "memory_available", "launch_seconds", "boot_seconds"})
"""Conditions of the moment; no two runs share them."""


def differences(a: Result, b: Result) -> tuple[Difference, ...]:
    """Every key that differs, those that block first, each told once."""
    machines = {machine.path: machine for machine in b.machines}
    series = {each.key: each for each in b.series}
    found = (
        *(
            difference
            for one in a.machines
            if one.path in machines
            for difference in _of_machine(one, machines[one.path])
        ),
        *(
            difference
            for one in a.series
            if one.key in series
            for difference in _of_work(one, series[one.key])
        ),
    )
    return tuple(sorted(dict.fromkeys(found), key=lambda each: not each.blocks))


def shared(a: Result, b: Result) -> tuple[SeriesKey, ...]:
    """Figures that both results have samples of, in the order of the first."""
    there = {each.key for each in b.series if each.status == "ok"}
    return tuple(each.key for each in a.series if each.status == "ok" and each.key in there)


def _of_machine(a: MachineRecord, b: MachineRecord) -> Iterator[Difference]:
    if a.accelerator != b.accelerator:
        yield _difference(a.path, "accelerator", a.accelerator, b.accelerator, blocks=True)
    if a.emulated != b.emulated:
        yield _difference(a.path, "emulated", a.emulated, b.emulated, blocks=True)
    for key, one, other in _pairs(a.facts.identity, b.facts.identity):
        known = one is not None and other is not None
        if not _same(key, one, other):
            yield _difference(a.path, key, one, other, blocks=known)
    for key, one, other in _pairs(a.facts.conditions, b.facts.conditions):
        if key not in TRANSIENT and one != other:
            yield _difference(a.path, key, one, other, blocks=False)


def _of_work(a: Series, b: Series) -> Iterator[Difference]:
    where = f"{a.workload} {a.case}"
    for key, one, other in _pairs(a.params, b.params):
        if one != other:
            yield _difference(where, key, one, other, blocks=True)
    for key, said, told in (("unit", a.unit, b.unit), ("better", a.better, b.better)):
        if said != told:
            yield _difference(where, f"{a.metric} {key}", said, told, blocks=True)
    if a.tool_version != b.tool_version:
        yield _difference(where, "tool_version", a.tool_version, b.tool_version, blocks=False)


def _pairs(
    a: Mapping[str, FactValue], b: Mapping[str, FactValue]
) -> Iterator[tuple[str, FactValue | None, FactValue | None]]:
    for key in dict.fromkeys((*a, *b)):
        yield key, a.get(key), b.get(key)


def _same(key: str, a: FactValue | None, b: FactValue | None) -> bool:
    if key == MEMORY and isinstance(a, int | float) and isinstance(b, int | float):
        return abs(a - b) <= MEMORY_TOLERANCE * max(abs(a), abs(b))
    return a == b


def _difference(
    where: str, key: str, a: FactValue | None, b: FactValue | None, *, blocks: bool
) -> Difference:
    return Difference(where=where, key=key, a=_text(a), b=_text(b), blocks=blocks)


def _text(value: FactValue | None) -> str | None:
    return None if value is None else str(value)
