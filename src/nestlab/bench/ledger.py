"""Samples as they come in; after each the result file is whole on disk."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Self

from nestlab.errors import NestlabError
from nestlab.result.models import (
    MachineRecord,
    Result,
    Round,
    Run,
    Sample,
    Series,
    SeriesKey,
    Turn,
)
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
    _turns: dict[int, Turn] = field(default_factory=dict)
    _rounds: dict[int, Round] = field(default_factory=dict)

    @classmethod
    def resumed(cls, result: Result, save: Callable[[Result], None]) -> Self:
        """What was measured before, without what failed or was skipped: that is tried again."""
        good = {turn.order: turn for turn in result.turns if turn.status == "ok"}
        ledger = cls(result.run, save, result.machines, result.warnings, {}, good)
        ledger._rounds = {each.round: each for each in result.rounds}
        for series in result.series:
            samples = tuple(sample for sample in series.samples if sample.order in good)
            if samples:
                update = {"status": "ok", "reason": None, "samples": samples}
                ledger._put(Series.model_validate({**dict(series), **update}))
        return ledger

    def begin(self, machines: tuple[MachineRecord, ...], *, turns: int | None = None) -> None:
        """Note the machines, and how many runs are planned."""
        self.machines = machines
        self.run = self.run.model_copy(update={"turns": turns, "ended": None})
        self._write()

    def end(self) -> None:
        """Note that nothing more is measured now, because all is done or it broke off."""
        self.run = self.run.model_copy(update={"ended": datetime.now(UTC)})
        self._write()

    def expect(self, turns: int) -> None:
        """Note that more runs are planned than at first."""
        self.run = self.run.model_copy(update={"turns": turns})

    def listened(self, found: Round) -> None:
        """Note how quiet L0 was; of a round that is gone on with, as it was at first."""
        self._rounds.setdefault(found.round, found)

    def took(self, turn: Turn) -> None:
        """Note a run; it is saved with its figures, or with why there are none."""
        self._turns[turn.order] = turn

    def has(self, order: int) -> bool:
        """Whether that run was done before."""
        return order in self._turns

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
            turns=tuple(sorted(self._turns.values(), key=lambda turn: turn.order)),
            rounds=tuple(sorted(self._rounds.values(), key=lambda each: each.round)),
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
