"""From a result to a report: one row for each figure on each machine, with its losses."""

import statistics

from nestlab.report.caveats import caveats
from nestlab.report.lineage import emulated, root
from nestlab.report.models import Loss, Report, Row
from nestlab.report.spread import loss_between, median_interval
from nestlab.result.models import Result, Series, SeriesKey


def rows(result: Result) -> Report:
    """The report of a result. Pure: the same file gives the same report, seeds included."""
    figures = list(dict.fromkeys(_figure(series) for series in result.series))
    order = {machine.path: place for place, machine in enumerate(result.machines)}
    ordered = sorted(
        result.series, key=lambda series: (figures.index(_figure(series)), order[series.machine])
    )
    by_key = {series.key: series for series in result.series}
    return Report(
        rows=tuple(_row(result, series, by_key) for series in ordered),
        warnings=caveats(result),
    )


def _figure(series: Series) -> tuple[str, str, str]:
    return (series.workload, series.case, series.metric)


def _row(result: Result, series: Series, by_key: dict[SeriesKey, Series]) -> Row:
    machine = result.machine(series.machine)
    values = _values(series)
    low, high = median_interval(values, seed=_seed(result, series))
    return Row(
        workload=series.workload,
        case=series.case,
        metric=series.metric,
        unit=series.unit,
        better=series.better,
        machine=machine.path,
        level=machine.level,
        parent=machine.parent,
        status=series.status,
        reason=series.reason,
        median=statistics.median(values) if values else None,
        low=low,
        high=high,
        n=len(values),
        emulated=emulated(result, machine),
        step_loss=_loss(result, series, by_key, machine.parent),
        total_loss=_loss(result, series, by_key, root(result, machine).path),
    )


def _values(series: Series) -> list[float]:
    """The samples of a series that went well; what a failed one left is no figure."""
    return [sample.value for sample in series.samples] if series.status == "ok" else []


def _loss(
    result: Result, child: Series, by_key: dict[SeriesKey, Series], against: str | None
) -> Loss | None:
    if against is None or against == child.machine:
        return None
    parent = by_key.get(child.key._replace(machine=against))
    if parent is None or (parent.unit, parent.better) != (child.unit, child.better):
        return None
    seed = f"{_seed(result, child)}/{against}"
    return loss_between(_values(parent), _values(child), child.better, seed=seed)


def _seed(result: Result, series: Series) -> str:
    # Of the series, so that an interval does not depend on which others are in the file.
    return "/".join((str(result.run.order_seed), *series.key))
