"""CSV: stable columns, numbers as numbers, and no cell that a spreadsheet would run."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli_process import nestlab
from measured import machine, result, series
from nestlab.report.comparison import comparison
from nestlab.report.rows import rows
from nestlab.report.spreadsheet import (
    COMPARISON_COLUMNS,
    REPORT_COLUMNS,
    comparison_csv,
    harmless,
    report_csv,
)
from nestlab.result.models import Result
from page_examples import full_page
from test_report_table import GOLDEN, mixed_result


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_golden() -> None:
    text = report_csv(rows(mixed_result()))
    assert text == (GOLDEN / "report.csv").read_text(encoding="utf-8"), text


def test_every_row_is_a_line_with_exact_numbers() -> None:
    report = rows(full_page())
    lines = read(report_csv(report))
    assert len(lines) == len(report.rows)
    for line, row in zip(lines, report.rows, strict=True):
        assert tuple(line) == REPORT_COLUMNS
        assert (line["machine"], line["case"]) == (row.machine, row.case)
        assert (float(line["median"]) if line["median"] else None) == row.median
        assert int(line["n"]) == row.n
        assert line["emulated"] == ("true" if row.emulated else "false")
        loss = row.step_loss
        assert (float(line["step_loss"]) if line["step_loss"] else None) == (
            loss.value if loss else None
        )


def test_a_negative_loss_stays_a_number() -> None:
    better = [series("l0", "a", "x", 1, 1, 1), series("l1", "a", "x", 2, 2, 2)]
    (_, line) = read(report_csv(rows(result(*better))))
    assert (line["step_loss"], line["step_loss_low"], line["step_loss_high"]) == ("-1.0",) * 3


def test_a_comparison_has_both_sides() -> None:
    def run(*values: float) -> Result:
        machines = (machine("l0"), machine("l1", emulated=True))
        slow = series("l1", "a", "x", *values)
        return result(series("l0", "a", "x", 10, 11, 12), slow, machines=machines)

    found = comparison(run(8, 8.1, 8.2), run(4, 4.1, 4.2), threshold=0.05)
    host, guest = read(comparison_csv(found))
    assert tuple(host) == COMPARISON_COLUMNS
    assert (host["verdict"], host["regression"], host["emulated"]) == (
        *("no-difference-shown", "false", "false"),
    )
    assert (guest["verdict"], guest["regression"], guest["emulated"]) == ("worse", "true", "true")
    assert (guest["a_median"], guest["b_median"]) == ("8.1", "4.1")
    assert float(guest["loss"]) == pytest.approx(1 - 4.1 / 8.1)


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "\uff1d1", "=cmd|' /C calc'!A0"]
)
def test_a_formula_becomes_text(text: str) -> None:
    assert harmless(text) == f"'{text}"


@given(st.text())
def test_no_text_is_run_or_breaks_a_line(text: str) -> None:
    told = harmless(text)
    assert told.isprintable()
    assert not told.lstrip().startswith(("=", "+", "-", "@"))


@given(st.text(min_size=1, max_size=50))
def test_whatever_a_guest_says_the_columns_stay(text: str) -> None:
    hostile = series("l1", text, "x", reason=text, workload=text)
    (line,) = read(report_csv(rows(result(hostile))))
    assert tuple(line) == REPORT_COLUMNS
    assert line["reason"] == line["case"] == harmless(text)


def test_the_commands_write_csv(tmp_path: Path) -> None:
    told = nestlab("report", "seed-2018", "--format", "csv", home=tmp_path)
    assert told.status == 0
    assert tuple(read(told.out)[0]) == REPORT_COLUMNS
    compared = nestlab("compare", "seed-2018", "seed-2018", "--format", "csv", home=tmp_path)
    assert tuple(read(compared.out)[0]) == COMPARISON_COLUMNS
