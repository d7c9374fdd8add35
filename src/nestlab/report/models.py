"""The report, `nestlab.report/1`: what is derived from a result file, for programs."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from nestlab.analysis.models import Loss

SCHEMA: Literal["nestlab.report/1"] = "nestlab.report/1"


class Part(BaseModel):
    """Base of every part of a report."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Row(Part):
    """One figure on one machine.

    median, low, high  in `unit`; 95 %, null for fewer than three samples; all null without a figure
    n                  number of samples behind the figure
    emulated           the machine or an ancestor of it is emulated
    step_loss          against the parent
    total_loss         against the host at the root of the lab
    status, reason     why there is no figure
    """

    workload: str
    case: str
    metric: str
    unit: str
    better: Literal["higher", "lower"]
    machine: str
    level: int
    parent: str | None
    status: Literal["ok", "failed", "skipped"]
    reason: str | None
    median: float | None
    low: float | None
    high: float | None
    n: int
    emulated: bool
    step_loss: Loss | None
    total_loss: Loss | None


class Caveat(Part):
    """What a reader must know before believing a figure.

    code   stable: `emulated`, `clocksource-differs`, …
    where  paths of the machines concerned
    text   one sentence
    """

    code: str
    where: tuple[str, ...]
    text: str


class Report(Part):
    """Rows, grouped by figure, host first; and the warnings on them."""

    schema_: Literal["nestlab.report/1"] = Field(default=SCHEMA, alias="schema")
    rows: tuple[Row, ...]
    warnings: tuple[Caveat, ...]
