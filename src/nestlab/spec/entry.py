"""What all parts of a lab file have in common."""

from typing import Any

from pydantic import BaseModel, ConfigDict


class Entry(BaseModel):
    """Base of all parts of a lab file."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Options(Entry):
    """Options of a workload: each is None when it is not given."""

    def given(self) -> dict[str, Any]:
        """What was given, by its name."""
        values = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: value for name, value in values.items() if value is not None}
