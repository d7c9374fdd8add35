"""What all parts of a lab file have in common."""

from pydantic import BaseModel, ConfigDict


class Entry(BaseModel):
    """Base of all parts of a lab file."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
