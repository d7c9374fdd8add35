"""Workloads of a lab file: a command, and where its figure is in what it prints."""

import json
import math
import re
import shlex
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal

from nestlab.errors import UsageError, WorkloadError
from nestlab.spec.bench import BenchWorkload
from nestlab.workload.binding import bind
from nestlab.workload.protocol import Argv, Better, Case, Command, Envelope, Figure, Metric, Parsed

_INTO = 'cd -- "$0" && exec "$@"'


@dataclass(frozen=True)
class Custom:
    """A command of the user's, run in the folder on the disk to be measured.

    kind, expression  `regex` and one with a single group, or `json` and keys with dots between
    seconds           how long it works when all is well
    """

    name: str
    argv: Argv
    kind: Literal["regex", "json"]
    expression: str
    unit: str
    better: Better
    seconds: int

    @property
    def needs(self) -> tuple[str, ...]:
        """The command's own program too."""
        return ("taskset", "sh", self.argv[0])

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """One, called `value`."""
        return (Metric("value", self.unit, self.better),)

    def cases(self, *, vcpus: int, queue_cpus: int) -> tuple[Case, ...]:  # noqa: ARG002 - Workload's
        """One."""
        return (Case(self.name, "run", {"command": shlex.join(self.argv)[:500], "vcpus": vcpus}),)

    def command(self, case: Case, envelope: Envelope) -> Command:  # noqa: ARG002 - Workload's
        """The words as they are."""
        argv = bind(envelope, ("sh", "-c", _INTO, envelope.directory, *self.argv))
        return Command((), argv, (), expected_seconds=float(self.seconds))

    def parse(self, case: Case, stdout: bytes) -> Parsed:  # noqa: ARG002 - Workload's
        """The one figure. Raises WorkloadError as `Workload.parse` says."""
        text = stdout.decode("utf-8", "backslashreplace")
        found = self._matched(text) if self.kind == "regex" else self._looked_up(text)
        try:
            value = float(found)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise _unreadable(self.name, f"{found[:100]!r} is not a number", text)
        return Parsed((Figure.of(self.metrics[0], value),), "", None)

    def _matched(self, text: str) -> str:
        found = re.findall(self.expression, text, re.MULTILINE)
        if len(found) != 1:
            message = f"{self.expression!r} is there {len(found)} times"
            raise _unreadable(self.name, message, text)
        return str(found[0])

    def _looked_up(self, text: str) -> str:
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise _unreadable(self.name, f"it is not JSON: {error}", text) from error
        for key in self.expression.split("."):
            value = _step(value, key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _unreadable(self.name, f"there is no number at {self.expression!r}", text)
        return repr(value)


def custom(entries: Iterable[BenchWorkload], *, taken: Collection[str]) -> tuple[Custom, ...]:
    """The workloads of a lab file. Raises UsageError `workload.name-taken`."""
    found: list[Custom] = []
    for entry in entries:
        if entry.name in taken or entry.name in {each.name for each in found}:
            raise UsageError(
                "workload.name-taken",
                f"there is a workload {entry.name!r} already",
                hint="give it another name in `bench.workloads`",
            )
        kind, expression = entry.metric
        found.append(
            Custom(
                *(entry.name, entry.command, kind, expression),
                *(entry.unit, entry.better, entry.seconds),
            )
        )
    return tuple(found)


def _step(value: object, key: str) -> object:
    """One key down, or one place of a list; None where there is nothing."""
    if isinstance(value, dict):
        return value.get(key)
    if isinstance(value, list) and re.fullmatch(r"\d{1,9}", key, re.ASCII):
        return value[int(key)] if int(key) < len(value) else None
    return None


def _unreadable(name: str, message: str, text: str) -> WorkloadError:
    return WorkloadError(
        "workload.unreadable-output",
        f"the output of {name} has no figure: {message}",
        hint="look at the raw output, and at `metric` in the lab file",
        notes=tuple(line[:200] for line in text.splitlines()[:3]),
    )
