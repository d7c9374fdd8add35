"""Where each element of an XML text begins and ends.

expat tells the places, which lxml does not, and it is asked first: it refuses a document type
before anything in it is looked at, so no entity is ever defined.
"""

import re
from dataclasses import dataclass
from typing import NoReturn
from xml.parsers import expat

from nestlab.domain import failures

_START_TAG = re.compile(rb"""<([^\s/>]+)(?:\s+[^\s=]+\s*=\s*(?:"[^"]*"|'[^']*'))*\s*(/?)>""")


@dataclass(frozen=True, slots=True)
class Span:
    """Byte offsets of one element.

    start    of `<`
    content  after the start tag's `>`
    close    of `</`; for an empty tag (`<a/>`) equal to `content` and `end`
    end      after the last `>`
    """

    name: str
    start: int
    content: int
    close: int
    end: int

    @property
    def is_empty_tag(self) -> bool:
        """Whether it is written `<a/>`."""
        return self.close == self.end


class _DoctypeError(Exception):
    """A document type was met."""


def check_syntax(source: bytes, name: str) -> None:
    """Return when this is XML without a document type.

    source  in UTF-8
    name    for errors
    Raises UsageError `domain.syntax`, `domain.doctype`, with the line.
    """
    parser = expat.ParserCreate("utf-8")
    parser.StartDoctypeDeclHandler = _refuse
    try:
        parser.Parse(source, True)
    except _DoctypeError:
        raise failures.doctype(name, parser.CurrentLineNumber) from None
    except expat.ExpatError as problem:
        what = expat.ErrorString(problem.code) or "not XML"
        raise failures.syntax(name, problem.lineno, f"this is not XML: {what}") from problem


def find_places(source: bytes) -> list[tuple[int, int]]:
    """Offsets of every element's `<` and of what ends it, in the order of start tags.

    source  what `check_syntax` has seen
    """
    parser = expat.ParserCreate("utf-8")
    starts: list[int] = []
    closes: list[int] = []
    opened: list[int] = []

    def start(_tag: str, _attributes: object) -> None:
        opened.append(len(starts))
        starts.append(parser.CurrentByteIndex)
        closes.append(0)

    def end(_tag: str) -> None:
        closes[opened.pop()] = parser.CurrentByteIndex

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.StartDoctypeDeclHandler = _refuse
    parser.Parse(source, True)
    return list(zip(starts, closes, strict=True))


def span_at(source: bytes, place: tuple[int, int]) -> Span:
    """The span of an element that begins and ends there, as `find_places` tells."""
    at, close = place
    match = _START_TAG.match(source, at)
    if match is None:
        raise ValueError(f"no tag begins at byte {at}")
    name, content = match[1].decode(), match.end()
    if match[2]:
        return Span(name, at, content, content, content)
    return Span(name, at, content, close, source.index(b">", close) + 1)


def _refuse(*_parts: object) -> NoReturn:
    raise _DoctypeError
