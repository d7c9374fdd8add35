"""How errors look."""

import sys

from nestlab.errors import NestlabError
from nestlab.harmless import plain, plain_line


def render_error(problem: NestlabError) -> str:
    """The shape of every error; strings of guests are shown without control characters."""
    lines = [f"error[{problem.code}]: {plain(problem.message)}"]
    if problem.where:
        lines.append(f"  where: {plain(problem.where)}")
    if problem.log:
        lines.append(f"  log:   {plain(problem.log)}")
    lines += [f"  | {plain(note)}" for note in problem.notes]
    for note in getattr(problem, "__notes__", ()):
        lines.append(f"  also:  {plain(note)}")
    if problem.hint:
        lines.append(f"hint: {plain(problem.hint)}")
    return "\n".join(lines)


def show_error(problem: NestlabError) -> None:
    """Print an error on stderr."""
    print(render_error(problem), file=sys.stderr)  # noqa: T201


def show_bug(trace: str) -> None:
    """Print what a reporter of a bug needs."""
    told = "\n".join(map(plain_line, trace.split("\n")))
    print(  # noqa: T201
        f"{told}error[bug]: this is a bug in nestlab\n"
        "hint: please report it with the lines above and the run folder, if there is one",
        file=sys.stderr,
    )
