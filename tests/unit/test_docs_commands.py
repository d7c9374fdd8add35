"""Command lines of the documentation are taken by the command line."""

import contextlib
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup
from typer.main import get_command

from doc_pages import CHECKOUT, FENCE, PAGES, name_of
from nestlab.cli.app import app

PROGRAMS = {
    "nestlab": (), ".venv/bin/nestlab": (), "scripts/demo": ("demo",),
}  # fmt: skip


def command_lines(page: Path) -> Iterator[tuple[str, ...]]:
    """Arguments of every `nestlab …` in code, inline or fenced, up to a redirection or a pipe.

    A command's name alone, inline, is a mention: it has to exist, but needs no arguments.
    """
    text = page.read_text("utf-8")
    fenced = [line for block in FENCE.findall(text) for line in block.splitlines()[1:-1]]
    inline = re.findall(r"`([^`\n]+)`", FENCE.sub("", text))
    for code in (*fenced, *inline):
        words = code.removeprefix("$ ").strip()
        if words.partition(" ")[0] in PROGRAMS and not words.endswith("…"):
            program, *arguments = shlex.split(words, comments=True)
            cut = next((i for i, word in enumerate(arguments) if word[0] in "|>&;"), None)
            line = (*PROGRAMS[program], *arguments[:cut])
            yield (*line, "--help") if code in inline and len(line) == 1 else line


def parse(arguments: tuple[str, ...]) -> None:
    """Read the arguments as the program does; raises what it would complain about."""
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    with contextlib.suppress(typer.Exit):  # --help and --version
        _parse(group, "nestlab", list(arguments or ("--help",)))


def _parse(command: Any, name: str, arguments: list[str]) -> None:
    """Down to the command that is meant; a group's name alone is a mention."""
    inner, *rest = arguments or [""]
    if isinstance(command, TyperGroup) and not inner.startswith("-"):
        if inner:
            assert inner in command.commands, f"there is no command {inner} of {name}"
            _parse(command.commands[inner], inner, rest)
    else:
        command.make_context(name, arguments)


LINES = sorted({(name_of(page), line) for page in PAGES for line in command_lines(page)})


@pytest.mark.parametrize(("page", "line"), LINES, ids=[f"{p}: {' '.join(a)}" for p, a in LINES])
def test_command_lines_are_understood(page: str, line: tuple[str, ...]) -> None:
    # The generated page shows usages such as `nestlab demo [OPTIONS]`, which are no command lines.
    if page != "docs/reference/cli.md" or "[OPTIONS]" not in line:
        parse(line)


@pytest.mark.parametrize("line", [("demmo",), ("demo", "--dept", "3"), ("schema", "cat")])
def test_a_wrong_command_line_is_refused(line: tuple[str, ...]) -> None:
    with pytest.raises(Exception, match=r"demmo|dept|cat"):
        parse(line)


def test_command_lines_are_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "Run `nestlab ls --json`, `nestlab.result/1` is a format.\n"
        "```console\n$ nestlab demo --json > run.json   # words\nscripts/demo --quick\n```\n"
    )
    assert list(command_lines(page)) == [
        ("demo", "--json"), ("demo", "--quick"), ("ls", "--json"),
    ]  # fmt: skip


def test_the_readme_has_both_scripts() -> None:
    text = (CHECKOUT / "README.md").read_text("utf-8")
    assert re.search(r"^scripts/demo\b", text, re.MULTILINE)
    assert re.search(r"^scripts/test\b", text, re.MULTILINE)


def test_the_readme_has_a_place_for_the_table() -> None:
    text = (CHECKOUT / "README.md").read_text("utf-8")
    assert re.search(r"<!-- table:start -->\n.*<!-- table:end -->", text, re.DOTALL)


def test_the_command_reference_is_up_to_date() -> None:
    argv = [sys.executable, str(CHECKOUT / "docs" / "generate.py"), "--check"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
