"""Results that fill every section of the page. Their figures are made up and measure nothing."""

from typing import Any

from measured import PATHS, RUN
from nestlab.result.models import Facts, MachineRecord, Result, Sample, Series, Verified

WOBBLE = (1.0, 1.01, 0.99, 1.02, 0.985, 1.005, 1.012, 0.992)
"""Eight rounds."""


def full_page(*, emulated: bool = True, **run: Any) -> Result:
    """Three levels, rates, quantiles, exits, a failure at L2 and a figure that drifts."""
    machines = tuple(_machine(path, emulated=emulated) for path in PATHS[:3])
    every = [
        *_levels("sysbench-cpu", "cpu-1", "events_per_second", "events/s", 4480, 4400, 1100),
        *_levels("sysbench-cpu", "cpu-1", "latency_p95", "ms", 0.24, 0.245, 0.9),
        *_levels("fio", "randread", "iops", "IOPS", 90_000, 30_000, 8000),
        *_levels("fio", "randread", "latency_p50", "us", 100, 310, 900),
        *_levels("fio", "randread", "latency_p99", "us", 400, 2100, 9000),
        *_levels("fio", "randread", "latency_p99_9", "us", 1000, 8000, 41_000),
        *_levels("fio", "randwrite", "iops", "IOPS", 100_000, 28_000, None),
    ]
    for case, cost in (("cpuid", 70), ("timer", 1800), ("touch-4k", 240)):
        for metric, factor in (("p50", 1), ("p90", 1.4), ("p99", 4)):
            first, second, third = (cost * factor * step for step in (1, 25, 900))
            every += _levels("exits", case, metric, "ns", first, second, third)
    return Result(
        run=RUN.model_copy(update={"id": "20261124T000000Z-abcdef", **run}),
        machines=machines,
        series=tuple(every),
        warnings=("the host was busy",),
    )


def _machine(path: str, *, emulated: bool) -> MachineRecord:
    level = PATHS.index(path)
    return MachineRecord(
        path=path,
        level=level,
        parent=PATHS[level - 1] if level else None,
        accelerator=None if level == 0 else "tcg" if emulated and level == 1 else "kvm",
        emulated=emulated and level > 0,
        facts=Facts(
            identity={
                "arch": "x86_64",
                "kernel": "6.18.44" if level == 0 else "6.1.0-56-cloud-amd64",
                "cpu_model": "AMD EPYC" if level == 0 else "QEMU TCG CPU version 2.5+",
                "cpus": 2,
                "memory": 4117667840 >> level,
            },
            conditions={"clocksource": "tsc", "load_1min": 0.5 * level, "envelope_cpus": 2},
            unknown={"governor": "no cpufreq"} if level else {},
        ),
        verified=Verified(kvm_device=True, nested=True if level else None),
    )


def _levels(
    workload: str, case: str, metric: str, unit: str, *values: float | None
) -> list[Series]:
    return [
        Series(
            workload=workload,
            tool_version=f"{workload} 1.0",
            case=case,
            params={"threads": 1},
            machine=path,
            metric=metric,
            unit=unit,
            better="lower" if unit in {"ms", "us", "ns"} else "higher",
            status="failed" if value is None else "ok",
            reason="no space left on the device" if value is None else None,
            samples=() if value is None else _samples(value, drifts=path == "l1"),
        )
        for path, value in zip(PATHS[:3], values, strict=True)
    ]


def _samples(value: float, *, drifts: bool) -> tuple[Sample, ...]:
    return tuple(
        Sample(
            value=value * factor * (1 + 0.02 * place if drifts else 1),
            round=place + 1,
            order=place + 1,
            elapsed=10.2,
            elapsed_tool=10.0,
            elapsed_guest=10.1,
        )
        for place, factor in enumerate(WOBBLE)
    )
