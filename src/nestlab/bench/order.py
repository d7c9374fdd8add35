"""What a run was asked to measure: `bench.json` in its folder, so that it can be gone on with."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nestlab.bench.course import Course
from nestlab.errors import StoredDataError
from nestlab.result.store import RunFolder
from nestlab.spec.bench import Bench
from nestlab.workload.builtin import Size

FILE = "bench.json"


class BenchOrder(BaseModel):
    """`nestlab.bench/1`.

    lab        id of the lab
    workloads  the words of the command line; none: those of the lab file, or the default ones
    bench      what the lab file said when the run began
    folder     what the paths of job files start from
    archive    of UnixBench
    paths      of the machines that are measured; none: all
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_: Literal["nestlab.bench/1"] = Field(default="nestlab.bench/1", alias="schema")
    lab: str
    workloads: tuple[str, ...] = ()
    bench: Bench = Bench()
    folder: Path = Path()
    size: Size = "demo"
    archive: Path | None = None
    paths: tuple[str, ...] = ()
    course: Course = Course()


def write_order(order: BenchOrder, folder: RunFolder) -> None:
    """Write it down. Raises StoredDataError `result.not-written`."""
    folder.save_file(FILE, order.model_dump_json(by_alias=True, indent=1).encode())


def asked(folder: RunFolder) -> BenchOrder:
    """What a run was asked. Raises StoredDataError `bench.not-resumable`, `bench.damaged`."""
    file = folder.path / FILE
    try:
        return BenchOrder.model_validate_json(file.read_bytes())
    except FileNotFoundError as problem:
        raise StoredDataError(
            "bench.not-resumable",
            f"{folder.path} is no run of `nestlab bench`",
            hint="`nestlab ls` shows labs, the folder `runs` has the runs; only a bench can be"
            " gone on with",
        ) from problem
    except (OSError, ValidationError) as problem:
        raise StoredDataError(
            "bench.damaged", f"{file} cannot be read", log=str(file), hint="begin a new run"
        ) from problem
