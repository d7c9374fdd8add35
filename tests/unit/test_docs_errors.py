"""Every error code is documented, and no other."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import get_args

import pytest

import nestlab
from doc_pages import CHECKOUT
from nestlab import errors
from nestlab.check.chain import CHAIN
from nestlab.enable.files import Purpose

SOURCE = Path(nestlab.__file__).parent
ERROR_CLASSES = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.NestlabError)
}


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
