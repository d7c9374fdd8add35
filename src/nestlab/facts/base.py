"""What every part of the facts is: frozen, strict, and bounded, since it comes from a stranger."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

Text = Annotated[str, StringConstraints(max_length=4096)]


class Part(BaseModel):
    """Base of all facts."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
