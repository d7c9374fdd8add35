import json

import pytest

from measured import (
    PATHS,
    RUN,
    SEED,
    SEED_FIGURES,
    drawn,
    machine,
    result,
    row,
    seed_result,
    series,
)
from nestlab.analysis.clock import disagreement
from nestlab.report.markdown import markdown
from nestlab.report.models import Row
from nestlab.report.rows import rows
from nestlab.report.text import MINUS, percent
from nestlab.result.models import FactValue, Result, Sample, Series


def step(found: Row) -> float:
    """The signed change in percent, as it is shown."""
    assert found.step_loss is not None
    return float(percent(-found.step_loss.value).removesuffix(" %").replace(MINUS, "-"))


def test_the_document_s_losses_come_out_again() -> None:
    report = rows(seed_result())
    told = {
        where: [step(row(report, where, case, unit)) for _, case, unit in SEED_FIGURES]
        for where in ("l1", "l1/l2")
    }
    # The document's last line; 54.8 % is what its mixed units make of a loss of 52.5 %.
    assert told["l1/l2"] == [-24.4, -20.1, -52.5, -54.8, -50.2, -50.2]
    # It says "35 % and 40 %" of computing; its prose swaps the last two directions of storage.
    assert told["l1"] == [-34.9, -39.6, -27.2, -27.0, -48.6, -48.6]


def test_the_document_s_mb_column_mixes_units() -> None:
    iops = row(rows(seed_result()), "l1/l2", "randread", "IOPS").median
    assert iops is not None
    assert iops * 4096 / (1 << 20) == pytest.approx(71, abs=0.1)  # what it printed is MiB/s
    assert round(iops * 4096 / 1e6 / 157 - 1, 3) == -0.525  # MB/s against MB/s


def test_a_loss_has_a_step_and_a_total() -> None:
    report = rows(seed_result())
    host, first, second = (row(report, path, "randread", "IOPS") for path in SEED)
    assert (host.step_loss, host.total_loss, host.parent) == (None, None, None)
    assert first.step_loss == first.total_loss
    assert second.total_loss is not None
    assert second.total_loss.value == pytest.approx(1 - 18_200 / 52_600)
    assert second.total_loss.low is second.total_loss.high is second.low is second.high is None
    assert (second.n, second.level, second.parent) == (1, 2, "l1")


def test_an_interval_holds_the_median_and_ignores_other_series() -> None:
    both = series("l0", "a", "x", 1, 2, 3, 4, 5), series("l1", "a", "x", 1, 1, 2, 2, 2)
    report = rows(result(*both))
    found = row(report, "l0", "a", "x")
    assert found.median == 3
    assert found.low is not None
    assert found.high is not None
    assert 1 <= found.low < 3 < found.high <= 5
    more = rows(result(series("l0", "b", "x", 1, 9), *both))
    assert row(more, "l1", "a", "x") == row(report, "l1", "a", "x")


def test_zero_and_other_units_have_no_loss() -> None:
    nothing = rows(result(series("l0", "a", "x", 0), series("l1", "a", "x", 1)))
    assert row(nothing, "l1", "a", "x").step_loss is None
    other = Series(**{**dict(series("l1", "a", "x", 1)), "unit": "y"})
    assert row(rows(result(series("l0", "a", "x", 1), other)), "l1", "a", "y").step_loss is None


def test_lower_is_better_loses_the_other_way() -> None:
    latency = [series(p, "a", "us", v, better="lower") for p, v in (("l0", 100), ("l1", 400))]
    report = rows(result(*latency))
    assert step(row(report, "l1", "a", "us")) == -75.0
    assert "400.0" in drawn(report)  # shown, as the case has no rate
    rate = [series(p, "a", "IOPS", 5) for p in ("l0", "l1")]
    assert "us" not in drawn(rows(result(*latency, *rate)))


STEADY = (10.0, 10.1, 9.9, 10.2, 10.0)
"""Samples that raise no doubt."""


def codes(measured: Result) -> list[str]:
    return [warning.code for warning in rows(measured).warnings]


def test_a_clean_result_has_no_warnings() -> None:
    assert codes(result(*(series(p, "a", "x", *STEADY) for p in PATHS[:3]))) == []


def test_emulation_is_inherited_and_said() -> None:
    machines = (machine("l0"), machine("l1", emulated=True), machine("l1/l2"))
    report = rows(result(*(series(p, "a", "x", *STEADY) for p in PATHS[:3]), machines=machines))
    assert [r.emulated for r in report.rows] == [False, True, True]
    assert report.warnings[0].where == ("l1", "l1/l2")
    for text in (drawn(report), markdown(report)):
        assert "L1 emulated" in text
        assert "L2 emulated" in text
        assert "L0 emulated" not in text


def test_conditions_that_differ_are_said() -> None:
    def with_conditions(**second: FactValue) -> list[str]:
        first: dict[str, FactValue] = {"clocksource": "tsc", "envelope_cpus": 2}
        machines = (machine("l0", conditions=first), machine("l1", conditions=second))
        figures = [series(p, "a", "x", *STEADY) for p in ("l0", "l1")]
        return codes(result(*figures, machines=machines))

    assert with_conditions(clocksource="tsc", envelope_cpus=2) == []
    assert with_conditions(clocksource="hpet", envelope_cpus=2) == ["clocksource-differs"]
    assert with_conditions(envelope_cpus=2) == ["clocksource-unknown"]
    assert with_conditions(clocksource="tsc", envelope_cpus=4) == ["envelope-unequal"]


def test_unequal_work_unequal_tools_and_single_samples_are_said() -> None:
    first = series("l0", "a", "x", *STEADY)
    assert codes(result(first, series("l1", "a", "x", *STEADY, size=2))) == ["params-differ"]
    tools = [
        Series(**{**dict(series(p, "a", "x", *STEADY)), "tool_version": v})
        for p, v in (("l0", "1"), ("l1", "2"))
    ]
    assert codes(result(*tools)) == ["tool-differs"]
    assert codes(result(first, series("l1", "a", "x", 1))) == ["single-sample"]


def test_a_run_that_was_over_at_once_is_said() -> None:
    hasty = [
        Sample(value=1.0, round=n, order=n, elapsed=0.5, elapsed_tool=0.096) for n in range(1, 6)
    ]
    fast = Series(**{**dict(series("l0", "randwrite", "x", 1)), "samples": tuple(hasty)})
    (warning,) = rows(result(fast)).warnings
    assert warning.code == "short-run"
    assert warning.text.endswith("fio randwrite on l0")


def test_what_the_bench_noted_is_passed_on() -> None:
    noted = Result(run=RUN, machines=(machine("l0"),), warnings=("the host was busy",))
    assert [w.text for w in rows(noted).warnings] == ["the host was busy"]


@pytest.mark.parametrize(
    ("guest", "host", "sign"),
    [
        (10.0, 10.3, 0),  # the way there and back
        (10.0, 12.0, 0),  # a slow way, or a slow clock: not to be told apart
        (10.0, 12.1, -1),
        (10.0, 9.95, 0),  # within 0.5 % and the grain of /proc/uptime
        (10.0, 9.9, 1),  # more time than passed: no overhead explains it
    ],
)
def test_a_clock_is_doubted_only_beyond_doubt(guest: float, host: float, sign: int) -> None:
    found = disagreement(host, guest, allowed=2.0)
    assert (found > 0) - (found < 0) == sign


def test_a_guest_s_clock_is_named_once_for_each_case() -> None:
    wrong = [series("l1", "a", unit, *STEADY, elapsed=5.0) for unit in ("x", "y")]
    (warning,) = rows(result(*wrong)).warnings
    assert (warning.code, warning.where) == ("clock-disagrees", ("l1",))
    assert "ran fast in fio a" in warning.text
    slow = series("l1", "a", "x", *STEADY, elapsed=14.0)
    assert codes(result(slow)) == ["clock-disagrees"]
    patient = machine("l1", conditions={"clocksource": "tsc", "launch_seconds": 2.5})
    assert codes(result(slow, machines=(machine("l0"), patient))) == []


def test_the_report_s_json() -> None:
    told = json.loads(rows(seed_result()).model_dump_json(by_alias=True))
    assert list(told) == ["schema", "rows", "warnings"]
    assert told["schema"] == "nestlab.report/1"
    wanted = "workload case metric unit machine level parent median low high n emulated"
    assert set(wanted.split()) | {"step_loss", "total_loss"} <= set(told["rows"][0])
    assert set(told["rows"][-1]["step_loss"]) == {"value", "low", "high"}


def test_few_samples_are_said() -> None:
    few = result(series("l0", "a", "x", 1, 1), series("l1", "a", "x", *STEADY))
    (warning,) = rows(few).warnings
    assert (warning.code, warning.where) == ("too-few-samples", ("l0",))
    assert warning.text.startswith("1 of 2 figures rest on fewer than 5 samples")


def test_doubtful_samples_are_said_with_their_figures() -> None:
    drifting = series("l0", "a", "x", *(100.0 + place for place in range(12)))
    double = series("l1", "a", "x", *(10.0, 20.1, 10.1, 20.0, 20.2) * 4)
    wide = series("l0", "b", "x", 1, 3, 2, 1, 3, 2, 1)
    told = {w.code: w for w in rows(result(drifting, double, wide)).warnings}
    assert set(told) == {"drift", "bimodal", "high-variance"}
    assert "fio a x on l0 (+10.4 %)" in told["drift"].text
    assert "fio a x on l1 (10.05 and 20.10 x)" in told["bimodal"].text
    assert set(told["high-variance"].where) == {"l0", "l1"}


def test_a_drift_is_found_by_order_not_by_place_in_the_file() -> None:
    ordered = series("l0", "a", "x", *(100.0 + place for place in range(12)))
    mixed = Series(**{**dict(ordered), "samples": ordered.samples[::2] + ordered.samples[1::2]})
    assert codes(result(mixed)) == ["drift"]


def test_a_warning_names_some_figures_and_counts_the_rest() -> None:
    many = [series("l0", f"c{n}", "x", *(100.0 + i for i in range(12))) for n in range(9)]
    (warning,) = rows(result(*many)).warnings
    assert warning.text.endswith(", 3 more")
