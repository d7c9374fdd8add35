"""From a result to a report: one row for each figure on each machine, with its losses."""

from nestlab.analysis.interval import median, median_interval
from nestlab.analysis.models import Loss
from nestlab.analysis.samples import seed_of, values_of
from nestlab.analysis.steps import step_loss
from nestlab.report.caveats import caveats
from nestlab.report.lineage import emulated, root
from nestlab.report.models import Report, Row
from nestlab.result.models import Result, Series, SeriesKey

Measured = dict[SeriesKey, Series]


def rows(result: Result) -> Report:
    """The report of a result. Pure: the same file gives the same report."""
    figures = dict.fromkeys(map(_figure, result.series))
    places = {figure: place for place, figure in enumerate(figures)}
    order = {machine.path: place for place, machine in enumerate(result.machines)}
    ordered = sorted(
        result.series, key=lambda series: (places[_figure(series)], order[series.machine])
    )
    measured = {series.key: series for series in result.series}
    return Report(
        rows=tuple(_row(result, series, measured) for series in ordered),
        warnings=caveats(result),
    )


def _figure(series: Series) -> tuple[str, str, str]:
    return (series.workload, series.case, series.metric)


def _row(result: Result, series: Series, measured: Measured) -> Row:
    machine = result.machine(series.machine)
    values = values_of(series)
    low, high = median_interval(values)
    host = root(result, machine).path
    step = _loss(result, series, measured, machine.parent)
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
        median=median(values) if len(values) else None,
        low=low,
        high=high,
        n=len(values),
        emulated=emulated(result, machine),
        step_loss=step,
        total_loss=step if host == machine.parent else _loss(result, series, measured, host),
    )


def _loss(result: Result, child: Series, measured: Measured, against: str | None) -> Loss | None:
    if against is None or against == child.machine:
        return None
    parent = measured.get(child.key._replace(machine=against))
    return step_loss(parent, child, seed=f"{seed_of(result, child)}/{against}")
