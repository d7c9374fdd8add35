"""What is read as the facts of a machine, and what is refused."""

from typing import Any

import pytest
from pydantic import ValidationError

from facts_examples import facts


@pytest.mark.parametrize(
    ("printed", "on"),
    [("Y", True), ("y", True), ("1", True), ("N", False), ("n", False), ("0", False)],
)
def test_the_parameter_nested_is_a_bool_or_an_int(printed: str, on: bool) -> None:
    found = facts(nested={"kvm_intel": printed})
    assert found.nested_on is on
    assert found.nested_module == "kvm_intel"


@pytest.mark.parametrize("nothing", [{}, None])
def test_without_a_module_nested_is_unknown(nothing: dict[str, str] | None) -> None:
    assert facts(nested=nothing).nested_on is None
    assert facts(nested=nothing).nested_module is None


@pytest.mark.parametrize(
    "change",
    [
        {"surprise": 1},
        {"schema": "nestlab.facts/2"},
        {"unknown": None},
        {"routes": ["192.0.2.1/24"]},
        {"routes": ["fe80::/64"]},
        {"memory": {"total": 0, "available": 0}},
        {"load": [0.1, float("nan"), 0.1]},
        {"load": [0.1, float("inf"), 0.1]},
        {"kernel": "x" * 5000},
        {"cpu": None, "dmi": {"sys_vendor": "x", "product_name": "y", "serial": "z"}},
    ],
)
def test_facts_of_another_shape_are_refused(change: dict[str, Any]) -> None:
    facts()
    with pytest.raises(ValidationError):
        facts(**change)
