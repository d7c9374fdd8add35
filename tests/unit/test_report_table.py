from pathlib import Path

import pytest

from measured import PATHS, drawn, machine, result, series
from nestlab.harmless import plain
from nestlab.report.markdown import markdown
from nestlab.report.models import Report
from nestlab.report.rows import rows
from nestlab.report.text import MINUS, interval, loss_interval, number, percent
from nestlab.result.models import Result

GOLDEN = Path(__file__).parents[1] / "golden" / "report"


def mixed_result() -> Result:
    """A failure, a loss that is a gain, a guest's hostile words: for the golden table."""
    reason = "fio failed: \x1b[2J[bold]no | space\nleft"
    broken = [
        series("l1/l2", "randwrite", unit, reason=reason) for unit in ("IOPS", "MiB/s", "MB/s")
    ]
    kept = [
        series(path, case, unit, value, value * 1.01, workload=workload)
        for place, path in enumerate(PATHS[:3])
        for workload, case, unit, value in (
            ("sysbench-cpu", "cpu-1", "events/s", 4457.94 - 900 * place),
            ("sysbench-cpu", "cpu-2", "events/s", 8956.19 - 1800 * place),
            ("fio", "randread", "IOPS", 95_255.8 / (1 + place % 2)),
            ("fio", "randread", "MiB/s", 372.1 / (1 + place % 2)),
            ("fio", "randread", "MB/s", 390.2 / (1 + place % 2)),
            ("fio", "randwrite", "IOPS", 5318.0),
            ("fio", "randwrite", "MiB/s", 20.77),
            ("fio", "randwrite", "MB/s", 21.78),
        )
        if (path, case) != ("l1/l2", "randwrite")
    ]
    machines = (machine("l0"), machine("l1", emulated=True), machine("l1/l2", emulated=True))
    return result(*kept, *broken, machines=machines)


@pytest.mark.parametrize("name", ["table-80.txt", "table-140.txt", "table-ascii.txt", "table.md"])
def test_golden(name: str) -> None:
    report = rows(mixed_result())
    text = {
        "table-80.txt": lambda: drawn(report),
        "table-140.txt": lambda: drawn(report, 140),
        "table-ascii.txt": lambda: drawn(report, encoding="ascii"),
        "table.md": lambda: markdown(report),
    }[name]()
    assert text == (GOLDEN / name).read_text(encoding="utf-8"), text


@pytest.mark.parametrize("width", [40, 60, 80, 100, 200])
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_no_number_is_cut_at_any_width_or_depth(width: int, depth: int) -> None:
    machines = tuple(machine(path, emulated=True) for path in PATHS[: depth + 1])
    report = rows(
        result(
            *(
                series(m.path, case, unit, 1_234_567.0 - m.level)
                for m in machines
                for case in ("randread", "randwrite")
                for unit in ("IOPS", "MiB/s", "MB/s")
            ),
            machines=machines,
        )
    )
    text = drawn(report, width)
    for each in machines:
        assert text.count(str(1_234_567 - each.level)) == 6
    assert text.count(" %") == 6 * depth
    assert max(map(len, text.splitlines())) <= width


def test_a_failure_is_a_status_with_its_reason_never_0() -> None:
    text = drawn(rows(mixed_result()))
    assert "failed [1]" in text
    assert "[1] l1/l2, fio randwrite: failed: fio failed" in text
    assert "\x1b" not in text
    assert "[bold]" in text


def unsure() -> Report:
    """L1 as fast as L0 as far as five samples show, L2 half as fast."""
    values = (10.0, 10.1, 9.9, 10.2, 10.0)
    same = [series(path, "a", "x", *values) for path in ("l0", "l1")]
    less = series("l1/l2", "a", "x", *(value / 2 for value in values))
    return rows(result(*same, less))


def test_a_loss_that_may_be_noise_is_said_to_be_no_difference() -> None:
    report = unsure()
    note = "no difference shown: the 95 % interval of the loss includes 0"
    lines = drawn(report).splitlines()
    assert note in lines
    place = next(at for at, line in enumerate(lines) if "L1 against L0" in line)
    assert [line.strip() for line in lines[place + 2 : place + 4]] == ["no difference", "shown"]
    told = markdown(report).splitlines()
    assert f"- {note}" in told
    (changes,) = [line for line in told if line.startswith("| L1 against L0")]
    assert changes.endswith("), no difference shown |")


@pytest.mark.parametrize("width", [60, 80, 120])
def test_medians_and_losses_have_their_intervals(width: int) -> None:
    report = unsure()
    text, told = drawn(report, width), markdown(report)
    for found in report.rows:
        bounds = interval(found.low, found.high)
        assert bounds
        assert f" {bounds} " in text
        assert f"{number(found.median or 0)} ({bounds}) |" in told
        if found.step_loss:
            change = loss_interval(found.step_loss)
            assert change
            assert f" {change} " in text
            assert f" ({change})" in told
    assert "figures are medians of 5 samples, with their 95 % intervals" in text


def test_the_number_of_samples_is_in_each_cell_where_it_differs() -> None:
    three, five = series("l0", "a", "x", 1, 2, 3), series("l1", "a", "x", 1, 2, 3, 4, 5)
    report = rows(result(three, five))
    assert [word for word in ("n 3", "n 5") if word in drawn(report)] == ["n 3", "n 5"]
    assert "figures are medians of 3 to 5 samples" in drawn(report)
    assert "n 5" not in drawn(unsure())


def test_siblings_are_told_apart() -> None:
    machines = (machine("l0"), machine("la"), machine("lb"), machine("lb/lc"))
    report = rows(result(*(series(m.path, "a", "x", 5) for m in machines), machines=machines))
    text = drawn(report)
    for label in ("L1 la ", "L1 lb ", "L1 lb against L0", "L2 against L1 lb"):
        assert label in text


def test_a_report_without_figures_is_drawn() -> None:
    nothing = rows(result(machines=(machine("l0"),)))
    assert drawn(nothing).strip() == ""
    assert nothing.rows == ()


@pytest.mark.parametrize(
    ("value", "told"),
    [(95_255.8, "95256"), (2016.5, "2016.5"), (71, "71.00"), (0.22, "0.22"), (0.0123, "0.0123")],
)
def test_numbers(value: float, told: str) -> None:
    assert number(value) == told


def test_percent_and_plain() -> None:
    assert [percent(x) for x in (-0.5248, 0.114, 0.0, -0.0001)] == [
        *(f"{MINUS}52.5 %", "+11.4 %", "0.0 %", "0.0 %"),
    ]
    assert plain("a\x1b[1m\n\u202eé") == "a\\x1b[1m\\n\\u202eé"
