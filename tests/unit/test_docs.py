"""The documentation says what is true: links, command lines, error codes, generated pages."""

import ast
import contextlib
import re
import shlex
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, get_args

import pytest
import typer
from pydantic import TypeAdapter
from typer.core import TyperGroup
from typer.main import get_command

import nestlab
from nestlab import errors
from nestlab.check.chain import CHAIN
from nestlab.cli.app import app
from nestlab.enable.files import Purpose
from nestlab.result import models

CHECKOUT = Path(__file__).resolve().parent.parent.parent
SOURCE = Path(nestlab.__file__).parent
PAGES = sorted([*CHECKOUT.glob("*.md"), *(CHECKOUT / "docs").rglob("*.md")])
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
ERROR_CLASSES = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.NestlabError)
}


def name_of(page: Path) -> str:
    return str(page.relative_to(CHECKOUT))


# --- links ----------------------------------------------------------------------------------------


def anchors(page: Path) -> set[str]:
    """Anchors of the headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(page: Path) -> Iterator[str]:
    text = FENCE.sub("", page.read_text("utf-8"))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?://", target):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        if not there.exists() or (anchor and anchor not in anchors(there)):
            yield target


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    assert list(broken_links(page)) == []


def test_every_page_is_reached_from_the_readme() -> None:
    reached, pending = set(), [CHECKOUT / "README.md"]
    while pending:
        page = pending.pop()
        reached.add(page)
        for target in re.findall(r"\]\(([^)#\s]+\.md)", page.read_text("utf-8")):
            there = (page.parent / target).resolve()
            if there not in reached and there.exists():
                pending.append(there)
    assert set(PAGES) - reached == set()


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# One `two`: three\n[a](#one-two-three) [b](#two) [c](gone.md) [d](page.md)\n")
    assert list(broken_links(page)) == ["#two", "gone.md"]


# --- command lines --------------------------------------------------------------------------------

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


# --- error codes ----------------------------------------------------------------------------------
#
# A code is the first argument (or `code=`) of a constructor in errors.py. Where that is a parameter
# of the function around it, the code is what every call of that function gives; and so on upwards.
# What cannot be traced to text fails the test rather than being left out.

PURPOSES = get_args(Purpose)

Function = ast.FunctionDef | ast.AsyncFunctionDef

# What these say comes from the rules of `nestlab doctor`.
RULED = frozenset({"hypervisor/accelerator.py", "check/verdict.py"})


class Module:
    """A source file: the names of its functions, and every call in it.

    A call comes with the name of what is called and the innermost function around it.
    """

    def __init__(self, name: str, text: str) -> None:
        tree = ast.parse(text)
        self.name = name
        self.functions = {node.name for node in ast.walk(tree) if isinstance(node, Function)}
        self.calls = tuple(_calls(tree, None))


def _calls(
    node: ast.AST, around: Function | None
) -> Iterator[tuple[ast.Call, str, Function | None]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Call):
            called = child.func
            name = called.attr if isinstance(called, ast.Attribute) else ""
            yield child, called.id if isinstance(called, ast.Name) else name, around
        yield from _calls(child, child if isinstance(child, Function) else around)


@dataclass(frozen=True)
class Found:
    """A code (or a pattern with `*`) and the name of the class that carries it."""

    code: str
    kind: str


class Codes:
    """Finds the codes that constructors of `kinds` are given in some modules."""

    def __init__(self, modules: Iterable[Module], kinds: Iterable[str]) -> None:
        self.modules, self.kinds = tuple(modules), frozenset(kinds)
        self.found: set[Found] = set()
        self.untraced: list[str] = []
        self._seen: set[tuple[str, str, str, str]] = set()
        for module in self.modules:
            for call, name, around in module.calls:
                if name in self.kinds:
                    self._trace(_argument(call, "code", 0), name, module, around)

    def _trace(
        self, value: ast.expr | None, kind: str, module: Module, around: Function | None
    ) -> None:
        match value:
            case ast.Constant(value=str(code)):
                self.found.add(Found(code, kind))
            case ast.JoinedStr(values=parts):
                for purpose in PURPOSES:
                    self.found.add(Found("".join(_words(parts, purpose)), kind))
            case ast.IfExp(body=body, orelse=orelse):
                self._trace(body, kind, module, around)
                self._trace(orelse, kind, module, around)
            case ast.Name(id=name) if around and (assigned := list(_assigned(around, name))):
                for each in assigned:
                    self._trace(each, kind, module, around)
            case ast.Name(id=name) if around and name in _parameters(around):
                self._trace_callers(around, name, kind, module)
            case ast.Attribute(attr="code") if module.name in RULED:
                self.found.update(Found(rule.code, kind) for rule in CHAIN)
            case _:
                where = f"{module.name}:{getattr(value, 'lineno', '?')}"
                self.untraced.append(f"{where}: the code of this {kind} cannot be told")

    def _trace_callers(self, helper: Function, parameter: str, kind: str, home: Module) -> None:
        key = (home.name, helper.name, parameter, kind)
        if key in self._seen:
            return
        self._seen.add(key)
        place = _parameters(helper).get(parameter)
        default = _default(helper, parameter)
        for module in self.modules:
            if module is not home and helper.name.startswith("_"):
                continue
            for call, name, around in module.calls:
                # another function of that name, private to that module, is not meant
                shadowed = module is not home and name in module.functions
                if name == helper.name and not shadowed:
                    given = _argument(call, parameter, place) or default
                    self._trace(given, kind, module, around)


def _words(parts: list[ast.expr], purpose: str) -> Iterator[str]:
    """The parts of an f-string; `*` for what is not known, the purpose for `{purpose}`."""
    for part in parts:
        if isinstance(part, ast.Constant):
            yield str(part.value)
        else:
            yield purpose if ast.unparse(part).endswith("purpose}") else "*"


def _argument(call: ast.Call, name: str, place: int | None) -> ast.expr | None:
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value
    return call.args[place] if place is not None and place < len(call.args) else None


def _parameters(function: Function) -> dict[str, int | None]:
    """Name -> place in a call, None for keyword-only ones; `self` has no place."""
    names = [each.arg for each in (*function.args.posonlyargs, *function.args.args)]
    if names[:1] in (["self"], ["cls"]):
        names = names[1:]
    keyword_only: dict[str, int | None] = {each.arg: None for each in function.args.kwonlyargs}
    return {**keyword_only, **{name: place for place, name in enumerate(names)}}


def _default(function: Function, name: str) -> ast.expr | None:
    arguments = function.args
    named = [each.arg for each in (*arguments.posonlyargs, *arguments.args)]
    late = dict(zip(reversed(named), reversed(arguments.defaults), strict=False))
    only = zip((each.arg for each in arguments.kwonlyargs), arguments.kw_defaults, strict=True)
    return {**dict(only), **late}.get(name)


def _assigned(function: Function, name: str) -> Iterator[ast.expr]:
    """What a function assigns to a local name, alone or as part of a tuple."""
    for node in ast.walk(function):
        if not isinstance(node, ast.Assign):
            continue
        for target in node.targets:
            if isinstance(target, ast.Name) and target.id == name:
                yield node.value
            elif isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                for part, value in zip(target.elts, node.value.elts, strict=True):
                    if isinstance(part, ast.Name) and part.id == name:
                        yield value


@cache
def modules() -> tuple[Module, ...]:
    return tuple(
        Module(str(path.relative_to(SOURCE)), path.read_text("utf-8"))
        for path in sorted(SOURCE.rglob("*.py"))
    )


@cache
def error_codes() -> Codes:
    return Codes(modules(), ERROR_CLASSES)


def documented(page: str, columns: int) -> list[list[str]]:
    """Cells of the table rows whose first cell is a code."""
    text = (CHECKOUT / page).read_text("utf-8")
    rows = re.findall(r"^\| `([\w.-]+)` \| (.+) \|$", text, re.MULTILINE)
    cells = [[code, *re.split(r"(?<!\\) \| ", rest)] for code, rest in rows]
    return [row for row in cells if len(row) == columns]


def differences(found: Iterable[str], said: Iterable[str]) -> dict[str, set[str]]:
    """What is in the code but not documented, and the other way round; `*` stands for a word."""
    patterns = {code: re.escape(code).replace(r"\*", r"[\w-]+") for code in found}
    listed = set(said)
    return {
        "not documented": {
            code for code, pattern in patterns.items()
            if not any(re.fullmatch(pattern, each) for each in listed)
        },
        "not in the code": {
            each for each in listed
            if not any(re.fullmatch(pattern, each) for pattern in patterns.values())
        },
    }  # fmt: skip


NO_DIFFERENCE: dict[str, set[str]] = {"not documented": set(), "not in the code": set()}
ERRORS_PAGE = "docs/reference/errors.md"


def setup_codes() -> set[str]:
    script = (CHECKOUT / "scripts" / "setup").read_text("utf-8")
    failures = re.findall(r"(?:^|\|\|) *fail ([a-z-]+) ", script, re.MULTILINE)
    return {
        f"setup.{code}" for code in (*failures, *re.findall(r"error\[setup\.([a-z-]+)\]", script))
    }


def test_every_error_code_can_be_traced() -> None:
    assert error_codes().untraced == []


def test_the_error_reference_is_complete() -> None:
    codes = {found.code for found in error_codes().found} | setup_codes()
    said = [row[0] for row in documented(ERRORS_PAGE, 4)]
    assert differences(codes, said) == NO_DIFFERENCE
    assert len(said) == len(set(said)), "a code is listed twice"


def test_the_error_reference_has_the_right_exit_statuses() -> None:
    statuses: dict[str, set[str]] = defaultdict(set)
    said = {row[0]: row[1] for row in documented(ERRORS_PAGE, 4)}
    for found in error_codes().found:
        pattern = re.escape(found.code).replace(r"\*", r"[\w-]+")
        for code in said:
            if re.fullmatch(pattern, code):
                statuses[code].add(str(ERROR_CLASSES[found.kind].exit_status))
    found_for = {code: ", ".join(sorted(numbers)) for code, numbers in statuses.items()}
    assert {code: said[code] for code in found_for} == found_for


def test_the_warnings_of_reports_are_documented() -> None:
    codes = Codes(modules(), {"Caveat"})
    assert codes.untraced == []
    said = [row[0] for row in documented("docs/how-to/read-a-result.md", 2)]
    assert differences({found.code for found in codes.found}, said) == NO_DIFFERENCE


@pytest.mark.parametrize(
    ("source", "codes"),
    [
        ("HostError('a.b', 'text')", {"a.b"}),
        ("errors.HostError(message='text', code='a.b')", {"a.b"}),
        ("def f(x):\n    raise HostError(f'a.no-{x}', 'text')", {"a.no-*"}),
        ("def f(x):\n    raise HostError('a.b' if x else 'a.c', 'text')", {"a.b", "a.c"}),
        ("def f(x):\n    c, h = 'a.b', 1\n    if x:\n        c = 'a.c'\n    HostError(c)",
         {"a.b", "a.c"}),
        ("def f(c):\n    return HostError(c)\ndef g(c):\n    f(c)\ng('a.b')\nf(c='a.c')",
         {"a.b", "a.c"}),
        ("class A:\n def f(self, c='a.b'):\n  HostError(c)\na.f()\na.f('a.c')", {"a.b", "a.c"}),
    ],
)  # fmt: skip
def test_codes_are_traced_through_helpers(source: str, codes: set[str]) -> None:
    traced = Codes([Module("a.py", source)], ERROR_CLASSES)
    assert {found.code for found in traced.found} == codes
    assert traced.untraced == []


@pytest.mark.parametrize("source", ["HostError(f())", "HostError(*x)", "HostError(TABLE[1])"])
def test_a_code_that_cannot_be_told_is_reported(source: str) -> None:
    assert Codes([Module("a.py", source)], ERROR_CLASSES).untraced


# --- the result file ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "record",
    [
        models.Result, models.Run, models.MachineRecord, models.Facts, models.Verified,
        models.Series, models.Sample, models.Turn, models.Round,
    ],
)  # fmt: skip
def test_every_field_of_the_result_file_is_documented(record: type) -> None:
    text = (CHECKOUT / "docs" / "reference" / "result-file.md").read_text("utf-8")
    names = set(TypeAdapter(record).json_schema(by_alias=True)["properties"])
    assert {name for name in names if f"`{name}`" not in text} == set()
