"""Workloads of other Python packages: entry points of the group `nestlab.workloads`.

An entry point has the workload's name and leads to something that makes it, called without
arguments: a class such as those here, or a function. Only those that are named are imported.
"""

from collections.abc import Collection
from importlib.metadata import EntryPoint, entry_points

from nestlab.errors import UsageError
from nestlab.workload.protocol import Workload

GROUP = "nestlab.workloads"
_PARTS = ("name", "needs", "metrics", "cases", "command", "parse")


def installed(names: Collection[str]) -> dict[str, Workload]:
    """Those of the names that a package brings.

    Raises UsageError `workload.not-loaded` for one that cannot be made or is no workload.
    """
    points = {point.name: point for point in entry_points(group=GROUP)}
    return {name: _made(points[name]) for name in names if name in points}


def _made(point: EntryPoint) -> Workload:
    try:
        workload: Workload = point.load()()
    except Exception as problem:  # whatever a foreign module raises, it is that package's
        raise _not_loaded(point, f"{type(problem).__name__}: {problem}") from problem
    lacking = [part for part in _PARTS if not hasattr(workload, part)]
    if lacking:
        raise _not_loaded(point, f"it has no {', '.join(lacking)}")
    if workload.name != point.name:
        raise _not_loaded(point, f"it calls itself {workload.name!r}")
    return workload


def _not_loaded(point: EntryPoint, why: str) -> UsageError:
    package = point.dist.name if point.dist else "a package"
    return UsageError(
        "workload.not-loaded",
        f"the workload {point.name!r} of {package} ({point.value}) cannot be used: {why}",
        hint=f"mend or uninstall {package}",
    )
