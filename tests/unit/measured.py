"""Results to report on, among them what the seed document measured."""

import io
from datetime import UTC, datetime

from rich.console import Console

from nestlab.report.models import Report, Row
from nestlab.report.table import table
from nestlab.result.models import (
    Better,
    Facts,
    FactValue,
    MachineRecord,
    Result,
    Run,
    Sample,
    Series,
)

RUN = Run(
    id="r",
    started=datetime(2026, 11, 24, tzinfo=UTC),
    nestlab_version="0.1.0",
    argv=("demo",),
    order_seed=1,
)
PATHS = ("l0", "l1", "l1/l2", "l1/l2/l3")


def machine(
    path: str, *, emulated: bool = False, conditions: dict[str, FactValue] | None = None
) -> MachineRecord:
    level = PATHS.index(path) if path in PATHS else path.count("/") + 1
    above = path.rpartition("/")[0] or "l0"
    return MachineRecord(
        path=path,
        level=level,
        parent=above if level else None,
        emulated=emulated,
        facts=Facts(conditions={"clocksource": "tsc"} if conditions is None else conditions),
    )


def series(
    where: str,
    case: str,
    unit: str,
    *values: float,
    workload: str = "fio",
    better: Better = "higher",
    reason: str | None = None,
    elapsed: float = 10.3,
    size: int = 1,
) -> Series:
    samples = tuple(
        Sample(
            value=value,
            round=place,
            order=place,
            elapsed=elapsed,
            elapsed_tool=10.0,
            elapsed_guest=10.0,
        )
        for place, value in enumerate(values, start=1)
    )
    return Series(
        workload=workload,
        case=case,
        params={"size": size},
        machine=where,
        metric=unit.lower(),
        unit=unit,
        better=better,
        status="failed" if reason else "ok",
        reason=reason,
        samples=samples,
    )


def result(*all_series: Series, machines: tuple[MachineRecord, ...] | None = None) -> Result:
    if machines is None:
        machines = tuple(machine(path) for path in PATHS[:3])
    return Result(run=RUN, machines=machines, series=all_series)


SEED = {  # SEED.md, section 5: what the document measured
    "l0": (1184.7, 2016.5, 52_600, 215, 36_200, 148),
    "l1": (771, 1218.3, 38_300, 157, 18_600, 76.1),
    "l1/l2": (583, 973.5, 18_200, 71, 9258, 37.9),
}
SEED_FIGURES = (
    *(("unixbench", "1 copy", "index"), ("unixbench", "2 copies", "index")),
    *(("fio", "randread", "IOPS"), ("fio", "randread", "MB/s")),
    *(("fio", "randwrite", "IOPS"), ("fio", "randwrite", "MB/s")),
)


def seed_result(*, emulated: bool = False) -> Result:
    machines = tuple(machine(path, emulated=emulated and path != "l0") for path in SEED)
    figures = [
        series(path, case, unit, float(value), workload=workload)
        for path, values in SEED.items()
        for (workload, case, unit), value in zip(SEED_FIGURES, values, strict=True)
    ]
    return result(*figures, machines=machines)


def row(report: Report, where: str, case: str, unit: str) -> Row:
    (found,) = [r for r in report.rows if (r.machine, r.case, r.unit) == (where, case, unit)]
    return found


def drawn(report: Report, width: int = 80, encoding: str = "utf-8") -> str:
    raw = io.BytesIO()
    console = Console(file=io.TextIOWrapper(raw, encoding), width=width, legacy_windows=False)
    console.print(table(report, console))
    console.file.flush()
    return raw.getvalue().decode(encoding)
