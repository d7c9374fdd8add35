"""How `doctor` shows answers as they come: in full, in a table, or as JSON."""

import json
import sys
from typing import Protocol

from rich.console import Console

from nestlab.check.verdict import Verdict, judge, unreached
from nestlab.report.diagnosis import Line, diagnosis, summary
from nestlab.survey.survey import Answer


class View(Protocol):
    """Takes answers, one by one."""

    all_ready: bool

    def take(self, answer: Answer) -> None:
        """One more answer."""
        ...

    def close(self) -> None:
        """There are no more."""
        ...


def view_for(number: int, *, as_json: bool, verbose: bool) -> View:
    """The view for that many targets."""
    if as_json:
        return JsonView()
    return FullView(everything=verbose) if number == 1 or verbose else TableView(number)


def verdict_of(answer: Answer) -> Verdict:
    """The verdict about facts, or about there being none."""
    if answer.facts is not None:
        return judge(answer.facts)
    assert answer.problem is not None  # noqa: S101  (an answer is one of the two)
    return unreached(answer.problem)


class JsonView:
    """`nestlab.doctor/1`, written as it comes, so that memory does not grow with the targets."""

    def __init__(self) -> None:
        self.all_ready = True
        self._first = True

    def take(self, answer: Answer) -> None:
        """One more object of the array."""
        verdict = verdict_of(answer)
        self.all_ready &= verdict.ready
        sys.stdout.write('{"schema": "nestlab.doctor/1", "targets": [\n' if self._first else ",\n")
        self._first = False
        facts = answer.facts.model_dump(mode="json", by_alias=True) if answer.facts else None
        row = {"target": str(answer.target), **verdict.as_json(), "facts": facts}
        sys.stdout.write(json.dumps(row, indent=1))

    def close(self) -> None:
        """The end of the array."""
        sys.stdout.write("\n]}\n")
        sys.stdout.flush()


class FullView:
    """Every target in full."""

    def __init__(self, *, everything: bool) -> None:
        self.all_ready = True
        self._everything = everything
        self._console = Console(file=sys.stdout, highlight=False)

    def take(self, answer: Answer) -> None:
        """Show it. Raises the NestlabError of a target that gave no facts."""
        if answer.problem:
            raise answer.problem
        verdict = verdict_of(answer)
        self.all_ready &= verdict.ready
        self._console.print(
            diagnosis(str(answer.target), verdict, everything=self._everything), soft_wrap=True
        )

    def close(self) -> None:
        """Nothing is left to say."""


class TableView:
    """A row per target, and a counter on the terminal meanwhile."""

    def __init__(self, number: int) -> None:
        self.all_ready = True
        self._number = number
        self._lines: list[Line] = []
        self._progress = Console(stderr=True)

    def take(self, answer: Answer) -> None:
        """Remember the row; the facts are let go."""
        verdict = verdict_of(answer)
        self.all_ready &= verdict.ready
        self._lines.append(Line(str(answer.target), verdict, answer.seconds))
        if self._progress.is_terminal:
            self._progress.print(f"{len(self._lines)}/{self._number}", end="\r")

    def close(self) -> None:
        """The table, worst first, as the eye looks for what is to be mended."""
        lines = sorted(self._lines, key=lambda line: (line.verdict.ready, line.target))
        console = Console(file=sys.stdout, highlight=False)
        console.print(summary(lines))
        ready = sum(line.verdict.ready for line in lines)
        console.print(f"{ready} of {len(lines)} ready; --verbose shows every finding and remedy")
