import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from nestlab.errors import StoredDataError
from nestlab.result import reading, store
from nestlab.result.models import (
    Facts,
    MachineRecord,
    Sample,
)
from nestlab.result.reading import load, parse
from nestlab.result.schema import result_schema, schema_text
from result_examples import document, result, series

Edit = Callable[[dict[str, Any]], object]
DAMAGE: dict[str, tuple[Edit, str]] = {
    "unknown key": (lambda d: d.update(colour="red"), "colour"),
    "no run": (lambda d: d.pop("run"), "run: Field required"),
    "unknown schema": (lambda d: d.update(schema="other/1"), "schema"),
    "version 0": (lambda d: d.update(schema="nestlab.result/0"), "schema"),
    "naive time": (lambda d: d["run"].update(started="2026-11-24T05:50:00"), "run.started"),
    "text for a value": (
        lambda d: d["series"][0]["samples"][0].update(value="1"),
        r"series\.0\.samples\.0\.value",
    ),
    "infinite value": (
        lambda d: d["series"][0]["samples"][0].update(value=float("inf")),
        r"series\.0\.samples\.0\.value",
    ),
    "no value": (
        lambda d: d["series"][0]["samples"][0].update(value=None),
        r"series\.0\.samples\.0\.value",
    ),
    "raw outside": (
        lambda d: d["series"][0]["samples"][0].update(raw="raw/../../x"),
        r"series\.0\.samples\.0\.raw",
    ),
    "ok without samples": (lambda d: d["series"][0].update(samples=[]), r"series\.0: "),
    "failed without reason": (lambda d: d["series"][0].update(status="failed"), r"series\.0: "),
    "skipped with samples": (
        lambda d: d["series"][0].update(status="skipped", reason="x"),
        r"series\.0: ",
    ),
    "unknown machine": (lambda d: d["series"][0].update(machine="l9"), "unknown machine 'l9'"),
    "the same series twice": (lambda d: d["series"].append(d["series"][0]), "twice"),
    "the same machine twice": (lambda d: d["machines"].append(d["machines"][0]), "twice"),
    "an orphan": (lambda d: d["machines"].pop(0), "the parent of 'l1'"),
    "a wrong level": (lambda d: d["machines"][1].update(level=2), "one level below"),
    "escapes": (lambda d: d.update({"\x1b[2J": 1}), r"\\x1b\[2J"),
}


@pytest.mark.parametrize(("edit", "said"), DAMAGE.values(), ids=DAMAGE.keys())
def test_damage_is_named_by_file_and_key(tmp_path: Path, edit: Edit, said: str) -> None:
    damaged = document()
    edit(damaged)
    file = tmp_path / "result.json"
    file.write_text(json.dumps(damaged))
    with pytest.raises(StoredDataError, match=said) as caught:
        load(file)
    assert caught.value.code == "result.damaged"
    assert str(file) in caught.value.message
    assert "\x1b" not in caught.value.message


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'{"schema":\n  ?}', "line 2, column 3"),
        (b"", "line 1, column 1"),
        (b'{"a": "\xff"}', "byte 7"),
        (b"[]", "not a JSON object"),
        (b"[" * 100_000, "not readable"),
    ],
)
def test_what_is_not_json_is_named_by_position(data: bytes, said: str) -> None:
    with pytest.raises(StoredDataError, match=said) as caught:
        parse(data, name="x/result.json")
    assert caught.value.code == "result.damaged"


def test_a_cut_off_file_is_damaged() -> None:
    text = result().model_dump_json(by_alias=True)
    with pytest.raises(StoredDataError, match="line 1, column"):
        parse(text[: len(text) // 2].encode(), name="x")


def test_a_newer_major_version_is_refused() -> None:
    newer = {**document(), "schema": "nestlab.result/2", "unheard": 1}
    with pytest.raises(StoredDataError, match="result/2") as caught:
        parse(json.dumps(newer).encode(), name="x")
    assert caught.value.code == "result.too-new"


def test_an_older_version_is_migrated(monkeypatch: pytest.MonkeyPatch) -> None:
    def migrate(old: dict[str, object]) -> dict[str, object]:
        rest = {key: value for key, value in old.items() if key != "hosts"}
        return {**rest, "schema": "nestlab.result/1", "machines": old["hosts"]}

    older = {**document(), "schema": "nestlab.result/0"}
    older["hosts"] = older.pop("machines")
    monkeypatch.setattr(reading, "MIGRATIONS", {0: migrate})
    assert parse(json.dumps(older).encode(), name="x") == result()


def test_a_missing_or_unreadable_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoredDataError, match="no result") as caught:
        load(tmp_path)
    assert caught.value.code == "result.missing"
    (tmp_path / "file").touch()
    with pytest.raises(StoredDataError) as caught:
        load(tmp_path / "file" / "x")
    assert caught.value.code == "result.unreadable"


def test_models_are_frozen() -> None:
    with pytest.raises(ValidationError):
        result().machines[0].level = 3


def test_a_failed_series_keeps_what_it_had() -> None:
    failed = series(status="failed", reason="the guest went away in round 2")
    assert len(failed.samples) == 1


def test_the_committed_schema_is_true() -> None:
    committed = Path(store.__file__).with_name("result.schema.json")
    assert committed.read_text() == schema_text(), "run: python -m nestlab.result.schema"


def test_the_schema_describes_what_is_saved() -> None:
    jsonschema.Draft202012Validator.check_schema(result_schema())
    validator = jsonschema.Draft202012Validator(result_schema())
    validator.validate(document())
    for edit in (DAMAGE[name][0] for name in ("unknown key", "no run", "no value", "raw outside")):
        damaged = document()
        edit(damaged)
        assert not validator.is_valid(damaged)


FINITE = st.floats(allow_nan=False, allow_infinity=False)
SECONDS = st.floats(min_value=0, allow_nan=False, allow_infinity=False)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
COUNT = st.integers(1, 10_000)
SAMPLES = st.lists(
    st.builds(
        Sample,
        value=FINITE,
        round=COUNT,
        order=COUNT,
        elapsed=SECONDS,
        elapsed_tool=st.none() | SECONDS,
        raw=st.none() | st.just("raw/x.json"),
    ),
    min_size=1,
    max_size=4,
).map(tuple)


@given(SAMPLES, TEXT, st.dictionaries(TEXT, st.booleans() | COUNT | FINITE | TEXT, max_size=4))
def test_a_result_survives_its_file(
    samples: tuple[Sample, ...], text: str, facts: dict[str, bool | int | float | str]
) -> None:
    host = MachineRecord(path="l0", level=0, emulated=False, facts=Facts(conditions=facts))
    whole = result(
        series(machine="l0", samples=samples, unit=text), machines=(host,), warnings=(text,)
    )
    again = parse(whole.model_dump_json(by_alias=True).encode(), name="x")
    assert again == whole
    kinds = [type(value) for value in again.machines[0].facts.conditions.values()]
    assert kinds == [type(value) for value in facts.values()]
