"""Every field of the result file is documented."""

import pytest
from pydantic import TypeAdapter

from doc_pages import CHECKOUT
from nestlab.result import models


@pytest.mark.parametrize(
    "record",
    [
        models.Result, models.Run, models.MachineRecord, models.Facts, models.Verified,
        models.Series, models.Sample, models.Turn, models.Round,
    ],
)  # fmt: skip
def test_every_field_of_the_result_file_is_documented(record: type) -> None:
    text = (CHECKOUT / "docs" / "reference" / "result-file.md").read_text("utf-8")
    names = set(TypeAdapter(record).json_schema(by_alias=True)["properties"])
    assert {name for name in names if f"`{name}`" not in text} == set()
