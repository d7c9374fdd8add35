"""Samples as they come in; after each the result file is whole on disk."""

from collections.abc import Callable
from dataclasses import dataclass, field

from nestlab.errors import NestlabError
from nestlab.result.models import MachineRecord, Result, Run, Sample, Series, SeriesKey
from nestlab.workload.protocol import Case, Metric, Parsed

_REASON_LIMIT = 500


@dataclass
class Ledger:
    """The result in the making; `save` is called after every change."""

    run: Run
    save: Callable[[Result], None]
    machines: tuple[MachineRecord, ...] = ()
    warnings: tuple[str, ...] = ()
    _series: dict[SeriesKey, Series] = field(default_factory=dict)

    def begin(self, machines: tuple[MachineRecord, ...]) -> None:
        """Note the machines."""
        self.machines = machines
        self._write()

    def warn(self, text: str) -> None:
        """Note, once, what every reader of the figures has to know."""
        if text not in self.warnings:
            self.warnings = (*self.warnings, text)
            self._write()

    def add(
        self, machine: str, case: Case, parsed: Parsed, take: Callable[[float], Sample]
    ) -> None:
        """Note the figures of one run; `take` makes a sample of a value.

        A series of which another run failed stays failed, whichever came first.
        """
        for figure in parsed.figures:
            metric = Metric(figure.metric, figure.unit, figure.better)
            before = self._find(machine, case, metric)
            failed = self._has_failed(before)
            update = {
                "tool_version": parsed.tool_version or None,
                "status": "failed" if failed else "ok",
                "reason": before.reason if failed else None,
                "samples": (*before.samples, take(figure.value)),
            }
            self._put(Series.model_validate({**dict(before), **update}))
        self._write()

    def fail(
        self, machine: str, case: Case, metrics: tuple[Metric, ...], problem: NestlabError
    ) -> None:
        """Note that a run gave no figures: what others measured stays, and the first reason."""
        for metric in metrics:
            series = self._find(machine, case, metric)
            if not self._has_failed(series):
                update = {"status": "failed", "reason": _reason(problem)}
                self._put(Series.model_validate({**dict(series), **update}))
        self._write()

    def skip(
        self, machine: str, case: Case, metrics: tuple[Metric, ...], problem: NestlabError
    ) -> None:
        """Note that a machine has not got what is measured; figures of another round stay."""
        for metric in metrics:
            series = self._find(machine, case, metric)
            if series.key not in self._series:
                update = {"status": "skipped", "reason": _reason(problem)}
                self._put(Series.model_validate({**dict(series), **update}))
        self._write()

    @property
    def result(self) -> Result:
        """The result as it is now."""
        return Result(
            run=self.run,
            machines=self.machines,
            series=tuple(self._series.values()),
            warnings=self.warnings,
        )

    def _find(self, machine: str, case: Case, metric: Metric) -> Series:
        key = SeriesKey(case.workload, case.case, machine, metric.metric)
        return self._series.get(key) or Series(
            workload=case.workload,
            case=case.case,
            params=dict(case.params),
            machine=machine,
            metric=metric.metric,
            unit=metric.unit,
            better=metric.better,
            status="failed",
            reason="not measured yet",
        )

    def _has_failed(self, series: Series) -> bool:
        """Whether a run of it failed; one that is only about to begin has not."""
        return series.key in self._series and series.status == "failed"

    def _put(self, series: Series) -> None:
        self._series[series.key] = series

    def _write(self) -> None:
        self.save(self.result)


def _reason(problem: NestlabError) -> str:
    return " ".join((problem.message, *problem.notes))[:_REASON_LIMIT]
