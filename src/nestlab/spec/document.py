"""YAML text to plain data, with the place of every key; bounded in every direction.

Only what a lab file needs is YAML here: mappings, lists, text, whole numbers, decimals, true, false
and null. `yes`, `0644`, `2024-01-01` and `4:30` are text, which YAML 1.1 would turn into
something else. Tags are refused, so no object is ever made.
"""

import re
from dataclasses import dataclass
from math import inf, isfinite
from typing import Any

from yaml.composer import Composer
from yaml.error import Mark, MarkedYAMLError
from yaml.events import AliasEvent
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.parser import Parser
from yaml.reader import Reader, ReaderError
from yaml.resolver import BaseResolver
from yaml.scanner import Scanner

from nestlab.errors import UsageError
from nestlab.spec.finding import Finding, Loc, key_path

MAX_NODES = 200_000
MAX_DEPTH = 50
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})")
# an exponent without a sign is text, as PyYAML writes and reads it
_DECIMAL = re.compile(r"[-+]?[0-9]{1,100}\.[0-9]{0,100}(?:[eE][-+][0-9]{1,3})?")
_CONSTANTS = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_TOO_DEEP = f"is nested deeper than {MAX_DEPTH} levels"

_YAML = (
    "indent with blanks; put text with `: ` or ` #`, or with a sign in front, into quotes; "
    "one document in a file"
)
_SHALLOW = "a lab of that depth cannot run; use fewer levels"
_WRITE_OUT = "write it out, or use `defaults` and `count`"


class _RefusedError(MarkedYAMLError):
    """Correct YAML that no lab file needs."""

    def __init__(self, problem: str, mark: Mark, hint: str) -> None:
        super().__init__(problem=problem, problem_mark=mark)
        self.hint = hint


class _Loader(Reader, Scanner, Parser, Composer, BaseResolver):
    """Makes the tree of nodes; an alias counts as what it stands for."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)
        BaseResolver.__init__(self)
        self._nodes = self._depth = 0
        self._sizes: dict[str, int] = {}
        self._open: set[str] = set()

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        mark, anchor = event.start_mark, event.anchor
        if isinstance(event, AliasEvent):
            if anchor in self._open:
                raise _RefusedError(f"the alias *{anchor[:40]} contains itself", mark, _WRITE_OUT)
            self._count(self._sizes.get(anchor, 1), mark)
            return super().compose_node(parent, index)
        if event.tag is not None:
            hint = "leave the tag out; put text that begins with ! in quotes"
            raise _RefusedError(f"the tag {event.tag[:40]!r} is not allowed", mark, hint)
        if self._depth >= MAX_DEPTH:
            raise _RefusedError(f"this {_TOO_DEEP}", mark, _SHALLOW)
        before = self._nodes
        self._count(1, mark)
        self._depth += 1
        if anchor:
            self._open.add(anchor)
        node = super().compose_node(parent, index)
        self._depth -= 1
        if anchor:
            self._open.discard(anchor)
            self._sizes[anchor] = self._nodes - before
        return node

    def _count(self, nodes: int, mark: Mark) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            problem = f"more than {MAX_NODES} values, counting what aliases stand for"
            raise _RefusedError(problem, mark, _WRITE_OUT)


@dataclass(frozen=True)
class Document:
    """Plain data (None: an empty file), keys that are there twice, and where everything is."""

    root: Node | None
    data: object
    findings: tuple[Finding, ...]

    def place(self, loc: Loc) -> tuple[int, int]:
        """Line and column, from 1, of a key or an entry; of the nearest around it if it lacks."""
        node, mark = self.root, self.root.start_mark if self.root else None
        for part in loc:
            step = _step(node, part)
            if step is None:
                break
            node, mark = step
        return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def read(text: str, file: str) -> Document:
    """Read one YAML document; `file` is what messages call it.

    Raises UsageError `lab-file.syntax`.
    """
    try:
        root = _Loader(text).get_single_node()
        findings: list[Finding] = []
        data = _plain(root, (), findings) if root is not None else None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        words = ", ".join(filter(None, (error.context, error.problem)))
        message = f"{file}:{line}:{column}: {words}"
        hint = error.hint if isinstance(error, _RefusedError) else _YAML
        raise UsageError("lab-file.syntax", message, hint=hint) from error
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        column = error.position - text.rfind("\n", 0, error.position)
        message = f"{file}:{line}:{column}: a character that YAML does not allow"
        hint = r'write it as an escape in double quotes, such as "\x07"'
        raise UsageError("lab-file.syntax", message, hint=hint) from error
    return Document(root, data, tuple(findings))


def _plain(node: Node, loc: Loc, findings: list[Finding]) -> object:
    """The node's data. Bounded: aliases were counted when the nodes were made."""
    if len(loc) >= MAX_DEPTH:
        raise _RefusedError(f"with its aliases, this {_TOO_DEEP}", node.start_mark, _SHALLOW)
    if isinstance(node, SequenceNode):
        return [_plain(each, (*loc, place), findings) for place, each in enumerate(node.value)]
    if isinstance(node, MappingNode):
        return _mapping(node, loc, findings)
    return _scalar(node) if isinstance(node, ScalarNode) else None


def _mapping(node: MappingNode, loc: Loc, findings: list[Finding]) -> dict[str, object]:
    data: dict[str, object] = {}
    for key, value in node.value:
        if not isinstance(key, ScalarNode):
            raise _RefusedError("a key must be text", key.start_mark, "write `key: value`")
        here = (*loc, key.value)
        if key.value in data:
            line = key.start_mark.line + 1
            error = UsageError(
                "lab-file.duplicate",
                f"{key_path(here)} is there twice, again on line {line}",
                hint="keep one of them",
            )
            findings.append(Finding(here, error))
        else:
            data[key.value] = _plain(value, here, findings)
    return data


def _scalar(node: ScalarNode) -> object:
    text: str = node.value
    if node.style:  # quoted, or a block
        return text
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    number = float(text) if _DECIMAL.fullmatch(text) else inf
    return number if isfinite(number) else text


def _step(node: Node | None, part: str | int) -> tuple[Node, Mark] | None:
    if isinstance(node, MappingNode):
        for key, value in node.value:
            if key.value == part:
                return value, key.start_mark
    if isinstance(node, SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part], node.value[part].start_mark
    return None
