"""A small result file."""

import json
from datetime import UTC, datetime
from typing import Any

from nestlab.result.models import (
    Facts,
    MachineRecord,
    Result,
    Run,
    Sample,
    Series,
    Verified,
)

START = datetime(2026, 11, 24, 5, 50, tzinfo=UTC)


def series(**changes: Any) -> Series:
    plain: dict[str, Any] = {
        "workload": "fio",
        "tool_version": "fio-3.33",
        "case": "randread",
        "params": {"size": 1 << 24, "bs": "4k"},
        "machine": "l1",
        "metric": "iops",
        "unit": "IOPS",
        "better": "higher",
        "status": "ok",
        "samples": (Sample(value=7030.5, round=1, order=1, elapsed=15.4, elapsed_tool=15.0),),
    }
    return Series(**{**plain, **changes})


def result(*all_series: Series, **changes: Any) -> Result:
    machines = (
        MachineRecord(path="l0", level=0, emulated=False),
        MachineRecord(
            path="l1",
            level=1,
            parent="l0",
            accelerator="tcg",
            emulated=True,
            facts=Facts(
                identity={"arch": "x86_64", "vcpus": 2},
                conditions={"clocksource": "tsc"},
                unknown={"governor": "no cpufreq in this guest"},
            ),
            verified=Verified(kvm_device=True, guest_ran=True, virtualization="AMD-V"),
        ),
    )
    run = Run(
        id="r", started=START, nestlab_version="0.1.0", argv=("demo", "--quick"), order_seed=7
    )
    plain: dict[str, Any] = {"run": run, "machines": machines, "series": all_series or (series(),)}
    return Result(**{**plain, **changes})


def document() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(result().model_dump_json(by_alias=True))
    return loaded
