"""A plan for people: file changes as diffs, commands as they could be typed."""

import difflib
import shlex
from collections.abc import Iterator

from nestlab.enable.steps import Plan, RefreshInitramfs, Reload, RemoveFile, Step, WriteFile
from nestlab.harmless import plain, plain_line


def describe(plan: Plan) -> tuple[str, ...]:
    """Every file change and every command of the plan, line by line, in order."""
    if not plan.steps:
        return ("nothing to do",)
    return tuple(line for step in plan.steps for line in _lines(step, plan))


def commands(step: Step) -> tuple[tuple[str, ...], ...]:
    """The commands of a step; files are not changed by any that could be typed."""
    if isinstance(step, RefreshInitramfs):
        return (step.argv,)
    if isinstance(step, Reload):
        load = ("modprobe", step.module, f"nested={step.nested}")
        return (load,) if step.before is None else (("rmmod", step.module), load)
    return ()


def _lines(step: Step, plan: Plan) -> Iterator[str]:
    if isinstance(step, WriteFile):
        yield from _diff(step.path, step.before.content if step.before else None, step.content)
    elif isinstance(step, RemoveFile):
        yield from _diff(step.path, step.before.content, None)
    for argv in commands(step):
        yield plain(shlex.join(plan.elevate.shown(argv)))


def _diff(path: str, before: bytes | None, after: bytes | None) -> Iterator[str]:
    old = "/dev/null" if before is None else path
    new = "/dev/null" if after is None else path
    lines = list(difflib.unified_diff(_text(before), _text(after), old, new, lineterm=""))
    # An empty file has no lines that could differ.
    yield from lines or (f"--- {old}", f"+++ {new}")


def _text(content: bytes | None) -> list[str]:
    """Lines without what a terminal would obey; a last line that does not end says so."""
    text = (content or b"").decode("utf-8", "backslashreplace")
    lines = [plain_line(line) for line in text.split("\n")]
    if lines[-1]:
        return [*lines[:-1], f"{lines[-1]} (no newline at the end)"]
    return lines[:-1]
