"""What the programs that this package brings along (`programs/`) print: one JSON object (pure)."""

import json
from dataclasses import dataclass
from importlib.resources import files

from nestlab.errors import WorkloadError

Report = dict[str, object]


@dataclass(frozen=True)
class OwnProgram:
    """A program of ours, which runs on machines whose word is not trusted.

    workload  whose it is; its object says `nestlab-WORKLOAD: schema`
    file      its source in `programs/`
    schema    version of what it prints
    """

    workload: str
    file: str
    schema: int

    @property
    def source(self) -> bytes:
        """What is put on the machine."""
        return (files("nestlab.workload") / "programs" / self.file).read_bytes()

    def read(self, stdout: bytes) -> Report:
        """Its object. Raises WorkloadError `workload.unreadable-output`."""
        try:
            found = json.loads(stdout, parse_constant=_refuse)
        except (ValueError, RecursionError) as error:
            raise self.unreadable(f"the JSON is damaged: {str(error)[:200]}") from error
        name = f"nestlab-{self.workload}"
        if not isinstance(found, dict) or found.get(name) != self.schema:
            raise self.unreadable(f"it is no report of {name} {self.schema}")
        return found

    def reason(self, report: Report, key: str, *, limit: int) -> str | None:
        """Why there are no figures, which is then all that it says; None: it does not say so.

        Raises WorkloadError `workload.unreadable-output`.
        """
        if key not in report:
            return None
        reason = report[key]
        if not isinstance(reason, str) or len(report) != 2:
            raise self.unreadable("a reason must be a text alone")
        return reason[:limit]

    def unreadable(self, message: str) -> WorkloadError:
        """The error for what is not understood."""
        return WorkloadError(
            "workload.unreadable-output",
            f"the output of {self.workload} is not understood: {message}",
        )


def between(value: object, bound: float) -> float | None:
    """A number above 0 and below the bound; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < bound:
        return None
    return float(value)


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is not a figure")
