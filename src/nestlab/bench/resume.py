"""Whether a run may be gone on with: never are two configurations mixed (pure)."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest

from nestlab.bench.jobs import Job
from nestlab.errors import UsageError
from nestlab.result import names
from nestlab.result.models import MachineRecord, Result

_BINDING = (names.ENVELOPE, names.ENVELOPE_CPUS, names.ENVELOPE_MEMORY, names.CLOCKSOURCE)
"""Conditions that must be as they were, besides all that identifies a machine."""

_TOLD = 5
MEMORY = "memory"
_MEMORY_TOLERANCE = 0.01
"""The kernel of a guest that was started again keeps some pages more or less for itself."""


def must_be_the_same(
    before: Result, machines: Sequence[MachineRecord], jobs: Sequence[Job]
) -> None:
    """Raises UsageError `bench.resume-differs` with what differs."""
    found = [*_machines(before.machines, machines), *_jobs(before, jobs)]
    if found:
        more = [f"and {len(found) - _TOLD} more"] if len(found) > _TOLD else []
        told = "; ".join(found[:_TOLD] + more)
        raise UsageError(
            "bench.resume-differs",
            f"run {before.run.id} was measured on something else: {told}",
            hint="begin a new run, and look at both with `nestlab compare`",
        )


def _machines(before: Sequence[MachineRecord], now: Sequence[MachineRecord]) -> Iterator[str]:
    for old, new in zip_longest(before, now):
        if old is None or new is None or old.path != new.path:
            yield (
                f"its machines were {', '.join(each.path for each in before)}, they are"
                f" {', '.join(each.path for each in now)}"
            )
            return
        yield from _differing(f"{old.path} ", _identity(old), _identity(new))


def _identity(machine: MachineRecord) -> dict[str, object]:
    conditions = machine.facts.conditions
    return {
        "accelerator": machine.accelerator,
        **machine.facts.identity,
        **{name: conditions.get(name) for name in _BINDING},
    }


def _jobs(before: Result, jobs: Sequence[Job]) -> Iterator[str]:
    """What a case was measured with must be what it shall be measured with."""
    wanted = {(job.case.workload, job.case.case): dict(job.case.params) for job in jobs}
    seen = {(series.workload, series.case): dict(series.params) for series in before.series}
    for key, params in seen.items():
        if key in wanted:
            yield from _differing(f"{' '.join(key)} ", params, wanted[key])
        else:
            yield f"{' '.join(key)} is not to be measured now"


def _differing(where: str, old: Mapping[str, object], new: Mapping[str, object]) -> Iterator[str]:
    for key in dict.fromkeys((*old, *new)):
        if not _same(key, old.get(key), new.get(key)):
            yield f"{where}{key} was {old.get(key)}, it is {new.get(key)}"


def _same(key: str, old: object, new: object) -> bool:
    sized = key in {MEMORY, names.ENVELOPE_MEMORY}
    if sized and isinstance(old, int) and isinstance(new, int):
        return abs(old - new) <= _MEMORY_TOLERANCE * max(old, new)
    return old == new
