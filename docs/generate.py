"""Write the pages that are made from the code: `python docs/generate.py`.

`docs/reference/cli.md` and the manual page `docs/nestlab.1` come from the command line itself,
`docs/checks.md` from the rules of `nestlab doctor`. With `--check` it writes nothing and ends with
1 when a page is out of date.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import typer
from man_page import man_page
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from nestlab.check.document import checks_markdown
from nestlab.cli.app import app

DOCS = Path(__file__).parent
_HEAD = """# Command line

<!-- Written by docs/generate.py; change the code, not this page. -->

Data goes to standard output. Progress and errors go to standard error.
[errors.md](errors.md) lists exit statuses and error codes.
"""


def commands() -> TyperGroup:
    """The command line."""
    group = get_command(app)
    if not isinstance(group, TyperGroup):
        raise TypeError("nestlab is expected to have more than one command")
    return group


def page() -> str:
    """The whole page; the same for every width of the terminal."""
    return "\n".join((_HEAD, *_sections("nestlab", commands())))


def _sections(name: str, command: TyperCommand | TyperGroup) -> Iterator[str]:
    """A command, and each one in it when it is a group."""
    yield from _section(name, command)
    if isinstance(command, TyperGroup):
        for word, inner in command.commands.items():
            if isinstance(inner, TyperCommand | TyperGroup) and not inner.hidden:
                yield from _sections(f"{name} {word}", inner)


def _section(name: str, command: TyperCommand | TyperGroup) -> Iterator[str]:
    context = typer.Context(command, info_name=name)
    usage = " ".join((name, *command.collect_usage_pieces(context)))
    yield f"## {name}\n\n{_one_line(command.help or '')}\n\n```text\n{usage}\n```\n"
    records = [record for each in command.get_params(context) if (record := _record(each, context))]
    yield "| argument or option | meaning |\n| --- | --- |"
    yield "\n".join(f"| `{_cell(what)}` | {_cell(meaning)} |" for what, meaning in records) + "\n"
    if command.epilog:
        lines = [_example(line) for line in command.epilog.splitlines() if line]
        yield "```text\n" + "\n".join(lines) + "\n```\n"


def _record(parameter: object, context: typer.Context) -> tuple[str, str] | None:
    """What `--help` says about a parameter; None for a hidden one."""
    describe = getattr(parameter, "get_help_record", None)
    record: tuple[str, str] | None = describe(context) if describe else None
    return record


def _example(line: str) -> str:
    """What `--help` says beside a command line becomes a comment."""
    return re.sub(r"(?<=\S) {2,}", "    # ", line, count=1)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _cell(text: str) -> str:
    return _one_line(text).replace("|", "\\|")


def pages() -> dict[Path, str]:
    """Every page that is made, with its text."""
    return {
        DOCS / "reference" / "cli.md": page(),
        DOCS / "nestlab.1": man_page(commands()),
        DOCS / "checks.md": checks_markdown(),
    }


def main(argv: list[str]) -> int:
    """Write or check; returns the exit status."""
    wanted = pages()
    if argv == ["--check"]:
        old = [
            path.name
            for path, text in wanted.items()
            if (path.read_text("utf-8") if path.exists() else "") != text
        ]
        if old:
            sys.stderr.write(f"{', '.join(old)} out of date; run: python docs/generate.py\n")
        return int(bool(old))
    for path, text in wanted.items():
        path.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
