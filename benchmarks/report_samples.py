"""Time and peak memory of `nestlab report`, its HTML and `nestlab compare` on many samples.

.venv/bin/python benchmarks/report_samples.py [SAMPLES] [RUNS]
"""

import os
import random
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from nestlab.result.models import MachineRecord, Result, Run, Sample, Series

PATHS = ("l0", "l1", "l1/l2")
CASES = ("cpu-1", "cpu-2", "randread", "randwrite", "seqread", "seqwrite")
METRICS = ("rate", "bandwidth_mb", "bandwidth_mib", "latency")


def result(samples: int) -> Result:
    """Three levels, 24 figures on each, log-normal values."""
    draw = random.Random(1)
    each = samples // (len(PATHS) * len(CASES) * len(METRICS))
    machines = tuple(
        MachineRecord(path=path, level=level, parent=parent, emulated=False)
        for level, (path, parent) in enumerate(zip(PATHS, (None, *PATHS), strict=False))
    )
    series = tuple(
        Series(
            workload="bench",
            case=case,
            machine=path,
            metric=metric,
            unit="1/s",
            better="higher",
            status="ok",
            samples=tuple(
                Sample(
                    value=draw.lognormvariate(5, 0.1),
                    round=place,
                    order=place,
                    elapsed=10.25,
                    elapsed_tool=10.0,
                    elapsed_guest=10.125,
                    raw=f"raw/{place:06d}-{path.replace('/', '+')}-{case}.out",
                )
                for place in range(1, each + 1)
            ),
        )
        for path in PATHS
        for case in CASES
        for metric in METRICS
    )
    run = Run(id="r", started=datetime.now(UTC), nestlab_version="0", argv=(), order_seed=1)
    return Result(run=run, machines=machines, series=series)


def main() -> None:
    """Print one line for each command and run."""
    samples = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "result.json"
        file.write_text(result(samples).model_dump_json(by_alias=True), "utf-8")
        print(f"{samples} samples, {file.stat().st_size / 1e6:.1f} MB")
        commands: dict[str, tuple[str | Path, ...]] = {
            "report": ("report", file),
            "compare": ("compare", file, file),
            "report as html": ("report", file, "--format", "html"),
        }
        for name, words in commands.items():
            for _ in range(int(sys.argv[2]) if len(sys.argv) > 2 else 3):
                started = time.monotonic()
                argv = (sys.executable, "-m", "nestlab", *map(str, words))
                with subprocess.Popen(argv, stdout=subprocess.DEVNULL) as process:
                    _, status, used = os.wait4(process.pid, 0)
                    process.returncode = status
                taken = time.monotonic() - started
                print(f"{name}: {taken:.2f} s, {used.ru_maxrss / 1024:.0f} MiB, status {status}")


if __name__ == "__main__":
    main()
