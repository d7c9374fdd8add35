"""What disturbed a run from outside: a host that was not quiet, CPU time that was stolen."""

from collections.abc import Iterator

from nestlab.report.models import Caveat
from nestlab.result.models import Result

STOLEN = 0.02
"""Part of a machine's CPU time from which on what its hypervisor gave to others is said."""

NAMED = 3


def disturbance_caveats(result: Result) -> Iterator[Caveat]:
    """One warning for L0, and one for each machine that was stolen from."""
    yield from _rounds(result)
    yield from _steal(result)


def _rounds(result: Result) -> Iterator[Caveat]:
    loud = [each for each in result.rounds if each.warnings]
    if loud:
        told = [f"round {each.round}: {', '.join(each.warnings)}" for each in loud[:NAMED]]
        more = [f"{len(loud) - NAMED} more rounds"] if len(loud) > NAMED else []
        text = f"l0 was not quiet: {'; '.join(told + more)}"
        yield Caveat(code="not-quiet", where=("l0",), text=text)


def _steal(result: Result) -> Iterator[Caveat]:
    stolen: dict[str, list[float]] = {}
    for turn in result.turns:
        part = turn.conditions.get("steal")
        if isinstance(part, float) and part > STOLEN:
            stolen.setdefault(turn.machine, []).append(part)
    for machine, parts in stolen.items():
        text = (
            f"up to {max(parts) * 100:.0f} % of the CPU time of {machine} was given to others by"
            f" its hypervisor, in {len(parts)} runs"
        )
        yield Caveat(code="steal", where=(machine,), text=text)
