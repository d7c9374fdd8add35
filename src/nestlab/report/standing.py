"""How far a run is, from its result file."""

from dataclasses import dataclass

from nestlab.report.text import shown
from nestlab.result.models import Result

_NAME = 80
"""Characters of one name in a line of a terminal."""


@dataclass(frozen=True)
class Standing:
    """How many runs of a tool are in the file, of how many, which was the last, and is it over.

    A run of a tool that failed leaves no sample, so `done` may stay below `planned`.
    """

    done: int
    planned: int | None
    last: str | None
    is_over: bool

    def __str__(self) -> str:
        of = f" of {self.planned}" if self.planned is not None else ""
        last = f"; last: {self.last}" if self.last else ""
        return f"{'over' if self.is_over else 'running'}: {self.done}{of} runs{last}"


def standing(result: Result) -> Standing:
    """What a result file says of its run's progress. Pure."""
    samples = [(sample.order, series) for series in result.series for sample in series.samples]
    order, series = max(samples, key=lambda each: each[0], default=(0, None))
    words = (series.workload, series.case, "on", series.machine) if series else ()
    return Standing(
        done=order,
        planned=result.run.turns,
        last=" ".join(shown(word, _NAME) for word in words) or None,
        is_over=result.run.ended is not None,
    )
