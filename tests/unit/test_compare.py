"""`nestlab compare`: what is refused, what is said, and how it ends."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from measured import machine, row, series
from nestlab.analysis.comparable import differences, shared
from nestlab.analysis.models import Change
from nestlab.cli.app import app
from nestlab.cli.compare import parse_threshold
from nestlab.errors import NestlabError, StoredDataError, UsageError
from nestlab.report.comparison import Comparison, comparison
from nestlab.report.comparison_markdown import comparison_markdown
from nestlab.report.comparison_table import comparison_table
from nestlab.report.rows import rows
from nestlab.result.models import Better, Facts, FactValue, MachineRecord, Result, Run, Series
from nestlab.result.reference import NAMES, reference

STEADY = (10.0, 10.1, 9.9, 10.2, 10.0, 10.15)
HOST: dict[str, FactValue] = {"kernel": "6.1", "cpu_model": "EPYC", "memory": 1000}


def run_of(
    *figures: Series,
    id_: str = "r",
    identity: dict[str, FactValue] | None = None,
    conditions: dict[str, FactValue] | None = None,
    machines: tuple[MachineRecord, ...] | None = None,
) -> Result:
    facts = Facts(
        identity=HOST if identity is None else identity,
        conditions={"clocksource": "tsc", **(conditions or {})},
    )
    host = machine("l0").model_copy(update={"facts": facts})
    return Result(
        run=Run(**{**dict(reference("seed-2018").run), "id": id_}),
        machines=machines or (host, machine("l1")),
        series=figures or (series("l0", "a", "x", *STEADY),),
    )


def scaled(factor: float, *, better: Better = "higher", where: str = "l0") -> Series:
    return series(where, "a", "x", *(value * factor for value in STEADY), better=better)


def compared(a: Result, b: Result, *, forced: bool = False) -> Comparison:
    return comparison(a, b, threshold=0.05, forced=forced)


def only(found: Comparison) -> Change:
    (change,) = found.changes
    return change


def drawn(found: Comparison, width: int = 80, encoding: str = "utf-8") -> str:
    raw = io.BytesIO()
    console = Console(file=io.TextIOWrapper(raw, encoding), width=width, legacy_windows=False)
    console.print(comparison_table(found, console))
    console.file.flush()
    return raw.getvalue().decode(encoding)


# --- verdicts -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("factor", "better", "verdict", "regressions"),
    [
        (0.8, "higher", "worse", 1),
        (1.25, "higher", "better", 0),
        (1.25, "lower", "worse", 1),
        (0.8, "lower", "better", 0),
        (1.0, "higher", "no-difference-shown", 0),
        (0.97, "higher", "worse", 0),  # shown, and tolerated
    ],
)
def test_the_verdict_of_a_change(
    factor: float, better: Better, verdict: str, regressions: int
) -> None:
    found = compared(run_of(scaled(1, better=better)), run_of(scaled(factor, better=better)))
    change = only(found)
    assert (change.verdict, found.regressions) == (verdict, regressions)
    assert change.loss is not None
    assert change.p is not None
    assert (change.p <= 0.05) == (verdict != "no-difference-shown")


def test_a_single_sample_shows_nothing() -> None:
    found = compared(run_of(series("l0", "a", "x", 10)), run_of(series("l0", "a", "x", 1)))
    change = only(found)
    assert change.loss is not None
    assert (change.verdict, change.loss.value, change.p) == ("too-few-samples", 0.9, None)
    assert found.regressions == 0


def test_a_failed_figure_is_not_comparable_and_says_why() -> None:
    good = (scaled(1), series("l0", "b", "x", *STEADY))
    bad = (scaled(1), series("l0", "b", "x", reason="disk full"))
    change = compared(run_of(*good), run_of(*bad)).changes[1]
    assert (change.verdict, change.reason) == ("not-comparable", "failed in B: disk full")
    missing = compared(run_of(*good), run_of(scaled(1))).changes[1]
    assert (missing.reason, missing.b) == ("not in B", None)
    none = compared(run_of(scaled(1)), run_of(scaled(0)))
    assert only(none).reason == "a median or a sample is not above 0"


def test_the_losses_of_both_runs_stand_side_by_side() -> None:
    before = run_of(scaled(1), scaled(0.8, where="l1"))
    after = run_of(scaled(1), scaled(0.5, where="l1"))
    change = compared(before, after).changes[1]
    assert change.a is not None
    assert change.b is not None
    assert change.a.step_loss is not None
    assert change.b.step_loss is not None
    assert change.a.step_loss.value == pytest.approx(0.2)
    assert change.b.step_loss.value == pytest.approx(0.5)
    assert change.a.step_loss == row(rows(before), "l1", "a", "x").step_loss


# --- what is comparable ---------------------------------------------------------------------------


def keys(a: Result, b: Result) -> list[tuple[str, str, bool]]:
    return [(each.where, each.key, each.blocks) for each in differences(a, b)]


def test_identity_and_work_block_and_conditions_do_not() -> None:
    plain = run_of()
    assert keys(plain, plain) == []
    assert keys(plain, run_of(identity={**HOST, "kernel": "6.2"})) == [("l0", "kernel", True)]
    assert keys(plain, run_of(identity={"kernel": "6.1", "memory": 1000})) == [
        ("l0", "cpu_model", False)
    ]
    assert keys(plain, run_of(identity={**HOST, "memory": 1005})) == []
    assert keys(plain, run_of(identity={**HOST, "memory": 2000})) == [("l0", "memory", True)]
    assert keys(plain, run_of(conditions={"disk": "sda", "load_1min": 2.0})) == [
        ("l0", "disk", False)
    ]
    other = series("l0", "a", "x", *STEADY, size=2)
    assert keys(plain, run_of(other)) == [("fio a", "size", True)]
    tool = Series(**{**dict(scaled(1)), "tool_version": "9"})
    assert keys(plain, run_of(tool)) == [("fio a", "tool_version", False)]
    assert keys(plain, run_of(scaled(1, better="lower"))) == [("fio a", "x better", True)]


def test_emulation_is_not_compared_with_hardware() -> None:
    real, fake = machine("l0"), machine("l0", emulated=True)
    assert keys(run_of(machines=(real,)), run_of(machines=(fake,))) == [("l0", "emulated", True)]
    tcg = real.model_copy(update={"accelerator": "tcg"})
    assert keys(run_of(machines=(real,)), run_of(machines=(tcg,))) == [("l0", "accelerator", True)]


def test_what_is_not_comparable_is_refused_with_its_keys() -> None:
    with pytest.raises(UsageError) as caught:
        compared(run_of(), run_of(identity={**HOST, "kernel": "6.2", "memory": 5}))
    assert (caught.value.code, caught.value.exit_status) == ("compare.not-comparable", 2)
    assert caught.value.notes == (
        "l0, kernel: 6.1 in A, 6.2 in B",
        "l0, memory: 1000 in A, 5 in B",
    )
    assert "--force" in (caught.value.hint or "")


def test_a_long_refusal_has_an_end() -> None:
    many: dict[str, FactValue] = {f"k{n}": n for n in range(100)}
    with pytest.raises(UsageError) as caught:
        compared(run_of(identity=many), run_of(identity=dict.fromkeys(many, -1)))
    assert len(caught.value.notes) == 41
    assert caught.value.notes[-1] == "60 more"


def test_force_compares_and_says_so() -> None:
    found = compared(run_of(), run_of(identity={**HOST, "kernel": "6.2"}), forced=True)
    assert found.despite == "force"
    for text in (drawn(found, 200), comparison_markdown(found).replace("\\", "")):
        assert "not comparable, compared all the same (--force)" in text
        assert "differs: l0, kernel: 6.1 in A, 6.2 in B" in text


def test_force_is_not_mentioned_where_nothing_blocks() -> None:
    found = compared(run_of(), run_of(conditions={"disk": "sda"}), forced=True)
    assert found.despite is None
    assert "note: l0, disk: not said in A, sda in B" in drawn(found, 200)


def test_other_units_are_never_compared() -> None:
    other = Series(**{**dict(scaled(1)), "unit": "y"})
    found = compared(run_of(scaled(1)), run_of(other), forced=True)
    assert only(found).verdict == "not-comparable"


def test_nothing_in_common_is_refused_even_by_force() -> None:
    a, b = run_of(scaled(1)), run_of(series("l0", "b", "x", *STEADY))
    assert shared(a, b) == ()
    with pytest.raises(UsageError, match="no figure in common") as caught:
        compared(a, b, forced=True)
    assert caught.value.code == "compare.not-comparable"


# --- the reference run ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_reference_run_is_marked_and_has_no_intervals(name: str) -> None:
    report = rows(reference(name))
    codes = [warning.code for warning in report.warnings]
    assert "single-sample" in codes
    assert "noted" in codes
    assert {(each.n, each.low, each.high) for each in report.rows} == {(1, None, None)}
    assert reference(name).run.id == name


def test_there_is_no_other_reference_run() -> None:
    with pytest.raises(KeyError):
        reference("../reading")


def test_the_published_losses_are_recomputed() -> None:
    report = rows(reference("seed-2018"))

    def lost(where: str, case: str, unit: str) -> float:
        found = row(report, where, case, unit).step_loss
        assert found is not None
        return round(found.value * 100, 1)

    figures = [
        *(("copies-1", "index"), ("copies-2", "index")),
        *(("randread", "IOPS"), ("randread", "MB/s"), ("randwrite", "IOPS"), ("randwrite", "MB/s")),
    ]
    assert [lost("l1/l2", *each) for each in figures] == [24.4, 20.1, 52.5, 54.8, 50.2, 50.2]
    assert [lost("l1", *each) for each in figures] == [34.9, 39.6, 27.2, 27.0, 48.6, 48.6]


def test_its_two_mistakes_are_noted() -> None:
    notes = " ".join(reference("seed-2018").warnings)
    assert "swaps the directions" in notes
    assert "71 MB/s" in notes
    assert "MiB/s" in notes


# --- the command ----------------------------------------------------------------------------------


def nestlab(home: Path, *words: str) -> tuple[int, str]:
    environment = {"NESTLAB_HOME": str(home), "COLUMNS": "100", "NO_COLOR": "1"}
    done = CliRunner().invoke(app, list(words), env=environment)
    if isinstance(done.exception, NestlabError):
        raise done.exception
    return done.exit_code, done.stdout


def saved(folder: Path, name: str, result: Result) -> str:
    file = folder / f"{name}.json"
    file.write_text(result.model_dump_json(by_alias=True), "utf-8")
    return str(file)


def test_the_exit_status_says_whether_something_regressed(tmp_path: Path) -> None:
    before = saved(tmp_path, "a", run_of(scaled(1)))
    after = saved(tmp_path, "b", run_of(scaled(0.8)))
    status, text = nestlab(tmp_path, "compare", before, after)
    assert status == 1
    assert " regression" in text.split("regressions beyond")[0]
    assert "regressions beyond 5.0 %: 1" in text
    assert nestlab(tmp_path, "compare", after, before)[0] == 0
    assert nestlab(tmp_path, "compare", before, after, "--threshold", "30%")[0] == 0
    assert nestlab(tmp_path, "compare", before, before)[0] == 0


def test_a_run_is_found_by_its_id_its_folder_and_its_file(tmp_path: Path) -> None:
    folder = tmp_path / "state" / "runs" / "r1"
    folder.mkdir(parents=True)
    file = saved(folder, "result", run_of())
    for word in ("r1", str(folder), file):
        assert nestlab(tmp_path, "compare", word, file)[0] == 0


def test_a_run_against_the_published_figures(tmp_path: Path) -> None:
    mine = reference("seed-2018").model_copy(update={"warnings": ()})
    facts = Facts(identity={"kernel": "6.1"})
    host = mine.machines[0].model_copy(update={"facts": facts})
    file = saved(tmp_path, "m", mine.model_copy(update={"machines": (host, *mine.machines[1:])}))
    status, text = nestlab(tmp_path, "compare", "seed-2018", file)
    assert status == 0
    assert "a published run is one of the two" in text
    assert "4.15.0-38" in text
    assert "too few samples" in text
    assert "swaps the directions" in text


def test_the_published_figures_are_reported(tmp_path: Path) -> None:
    status, text = nestlab(tmp_path, "report", "seed-2018")
    assert status == 0
    assert "1184.7" in text


def test_a_comparison_as_json(tmp_path: Path) -> None:
    file = saved(tmp_path, "a", run_of(scaled(1)))
    found = json.loads(nestlab(tmp_path, "compare", file, file, "--format", "json")[1])
    assert found["schema"] == "nestlab.comparison/1"
    (change,) = found["changes"]
    assert change["verdict"] == "no-difference-shown"
    assert set(change["loss"]) == {"value", "low", "high"}
    assert found["regressions"] == 0


@pytest.mark.parametrize("text", ["", "x", "-1%", "100%", "5%%", "1e1%", "nan"])
def test_what_is_no_threshold_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError) as caught:
        nestlab(tmp_path, "compare", "seed-2018", "seed-2018", f"--threshold={text}")
    assert caught.value.code == "compare.threshold"


@pytest.mark.parametrize(("text", "value"), [("5%", 0.05), ("2.5 %", 0.025), ("0", 0.0)])
def test_thresholds(text: str, value: float) -> None:
    assert parse_threshold(text) == pytest.approx(value)


def test_what_cannot_be_read_is_stored_data(tmp_path: Path) -> None:
    with pytest.raises(StoredDataError) as caught:
        nestlab(tmp_path, "compare", "seed-2018", str(tmp_path / "gone"))
    assert (caught.value.code, caught.value.exit_status) == ("result.missing", 6)


# --- how it looks ---------------------------------------------------------------------------------


def test_hostile_strings_are_shown_without_their_effect() -> None:
    odd = "\x1b[2J[bold]a|b\n\u202e"
    figures = [
        Series(**{**dict(scaled(factor)), "workload": odd, "case": odd, "unit": odd, "metric": odd})
        for factor in (1, 0.8)
    ]
    a = run_of(figures[0], id_=odd, identity={odd: odd})
    b = run_of(figures[1], id_=odd, identity={odd: "x"})
    found = compared(a, b, forced=True)
    for text in (drawn(found), drawn(found, encoding="ascii"), comparison_markdown(found)):
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert "x1b" in text
    assert "[bold]" in drawn(found, 200)
    assert "a\\|b" in comparison_markdown(found)


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_number_is_cut(width: int) -> None:
    values = [value * 123_456.7 for value in STEADY]
    figures = [series(path, "randread", "IOPS", *values) for path in ("l0", "l1")]
    found = compared(run_of(*figures), run_of(*figures))
    text = drawn(found, width)
    assert text.count("1240740") == 4
    assert max(map(len, text.splitlines())) <= width


def test_latencies_stay_out_of_the_table_unless_they_regressed() -> None:
    def both(slower: float) -> Result:
        late = series("l0", "a", "us", *(v * slower for v in STEADY), better="lower")
        return run_of(scaled(1), late)

    assert "us us" not in drawn(compared(both(1), both(1)), 120)
    assert "us us" in drawn(compared(both(1), both(2)), 120)


def test_figures_of_one_unit_are_told_apart() -> None:
    other = Series(**{**dict(scaled(1)), "metric": "again"})
    text = drawn(compared(run_of(scaled(1), other), run_of(scaled(1), other)), 120)
    assert "x x" in text
    assert "again x" in text


def test_machines_of_one_level_are_told_apart() -> None:
    machines = (machine("l0"), machine("la"), machine("lb"))
    both = run_of(*(scaled(1, where=each.path) for each in machines), machines=machines)
    text = drawn(compared(both, both), 120)
    assert "L1 la against L0" in text
    assert "L1 lb against L0" in text


def test_what_only_one_has_is_listed() -> None:
    extra = series("l0", "b", "x", *STEADY)
    assert "only in B: fio b on l0" in drawn(compared(run_of(), run_of(scaled(1), extra)))
