"""Samples as they come in: each is saved at once, and what failed is never a number."""

from typing import Any

import pytest

from nestlab.bench.ledger import Ledger
from nestlab.errors import WorkloadError
from nestlab.result.models import MachineRecord, Result, Sample, Series
from nestlab.workload.protocol import Case, Figure, Metric, Parsed
from result_examples import result

IOPS = Metric("iops", "IOPS", "higher")
LATENCY = Metric("latency_mean", "us", "lower")
READ = Case("fio", "randread", {"bs": "4k", "numjobs": 2})
MACHINES = (
    MachineRecord(path="l0", level=0, emulated=False),
    MachineRecord(path="l1", level=1, parent="l0", emulated=True),
)


@pytest.fixture
def saved() -> list[Result]:
    return []


@pytest.fixture
def ledger(saved: list[Result]) -> Ledger:
    found = Ledger(run=result().run, save=saved.append)
    found.begin(MACHINES)
    return found


def add(ledger: Ledger, value: float, **changes: Any) -> None:
    figures = (Figure.of(IOPS, value), Figure.of(LATENCY, 1000 / value))
    parsed = Parsed(figures, changes.get("version", "fio-3.33"), 1.0)
    order = changes.get("order", 1)
    ledger.add(
        changes.get("machine", "l1"),
        READ,
        parsed,
        lambda figure: Sample(value=figure, round=1, order=order, elapsed=1.5),
    )


def fail(ledger: Ledger, *notes: str, machine: str = "l1") -> None:
    problem = WorkloadError("workload.failed", "fio ended with status 1", notes=notes)
    ledger.fail(machine, READ, (IOPS, LATENCY), problem)


def series(ledger: Ledger, metric: str = "iops", machine: str = "l1") -> Series:
    (found,) = [
        each for each in ledger.result.series if (each.metric, each.machine) == (metric, machine)
    ]
    return found


def values(found: Series) -> list[float]:
    return [sample.value for sample in found.samples]


def test_every_change_is_saved_as_a_whole(ledger: Ledger, saved: list[Result]) -> None:
    assert [each.machines for each in saved] == [MACHINES]
    add(ledger, 100)
    fail(ledger)
    ledger.warn("a warning")
    assert len(saved) == 4
    assert saved[-1] == ledger.result
    assert Result.model_validate_json(saved[-1].model_dump_json(by_alias=True)) == saved[-1]


def test_samples_of_one_figure_are_one_series(ledger: Ledger) -> None:
    add(ledger, 100, order=1)
    add(ledger, 200, order=2)
    add(ledger, 300, order=3, machine="l0")
    assert values(series(ledger)) == [100, 200]
    assert values(series(ledger, "latency_mean")) == [10, 5]
    assert values(series(ledger, machine="l0")) == [300]
    found = series(ledger)
    assert (found.status, found.reason, found.tool_version) == ("ok", None, "fio-3.33")
    assert (found.unit, found.better) == ("IOPS", "higher")
    assert dict(found.params) == {"bs": "4k", "numjobs": 2}


def test_a_failure_has_every_row_and_no_number(ledger: Ledger) -> None:
    fail(ledger, "fio: No space left on device")
    for metric in ("iops", "latency_mean"):
        found = series(ledger, metric)
        assert found.status == "failed"
        assert found.reason == "fio ended with status 1 fio: No space left on device"
        assert found.samples == ()


def test_what_was_measured_before_a_failure_stays(ledger: Ledger) -> None:
    add(ledger, 100)
    fail(ledger)
    assert values(series(ledger)) == [100]
    assert series(ledger).status == "failed"
    add(ledger, 200)
    assert values(series(ledger)) == [100, 200]
    assert series(ledger).status == "failed"  # one of three runs gave no figure


def test_the_order_of_a_failure_and_a_success_does_not_matter(ledger: Ledger) -> None:
    fail(ledger, "the first")
    add(ledger, 100)
    fail(ledger, "the second")
    for metric in ("iops", "latency_mean"):
        found = series(ledger, metric)
        assert (found.status, len(found.samples)) == ("failed", 1)
        assert found.reason == "fio ended with status 1 the first"
        assert found.tool_version == "fio-3.33"


def test_a_reason_is_bounded(ledger: Ledger) -> None:
    fail(ledger, "x" * 10_000)
    assert len(series(ledger).reason or "") == 500


def test_a_tool_that_says_no_version(ledger: Ledger) -> None:
    add(ledger, 100, version="")
    assert series(ledger).tool_version is None


def test_a_warning_is_noted_once(ledger: Ledger, saved: list[Result]) -> None:
    ledger.warn("caches could not be dropped")
    ledger.warn("caches could not be dropped")
    assert ledger.result.warnings == ("caches could not be dropped",)
    assert len(saved) == 2
