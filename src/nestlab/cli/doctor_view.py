"""How `doctor` shows answers as they come: in full, in a table, or as JSON."""

import json
import sys
from typing import Protocol

from rich.console import Console

from nestlab.check.verdict import Verdict, judge, unreached
from nestlab.errors import NestlabError
from nestlab.report.diagnosis import Line, diagnosis, summary
from nestlab.survey.survey import Answer

_WIDE = 240


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
    if number == 1:
        return FullView(everything=verbose, alone=True)
    return FullView(everything=True, alone=False) if verbose else TableView(number)


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
    """Every target in full.

    alone  whether there is only one: then that it could not be asked is an error of the command
    """

    def __init__(self, *, everything: bool, alone: bool) -> None:
        self.all_ready = True
        self._everything = everything
        self._alone = alone
        self._problem: NestlabError | None = None
        self._console = Console(file=sys.stdout, highlight=False)

    def take(self, answer: Answer) -> None:
        """Show it."""
        if self._alone and answer.problem:
            self._problem = answer.problem
            return
        verdict = verdict_of(answer)
        self.all_ready &= verdict.ready
        wrapped = self._console.is_terminal
        shown = diagnosis(str(answer.target), verdict, everything=self._everything, wrapped=wrapped)
        self._console.print(shown, soft_wrap=not wrapped)

    def close(self) -> None:
        """Raises the NestlabError of the only target, if it gave no facts."""
        if self._problem:
            raise self._problem


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
        if not console.is_terminal:
            console.width = _WIDE  # nobody's columns are cut in a file
        console.print(summary(lines))
        ready = sum(line.verdict.ready for line in lines)
        console.print(f"{ready} of {len(lines)} ready; --verbose shows every finding and remedy")
