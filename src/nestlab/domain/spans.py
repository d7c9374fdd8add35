"""Where each element of an XML text begins and ends.

expat tells the places, which lxml does not, and it is asked first: it refuses a document type
before anything in it is looked at, so no entity is ever defined.
"""

import re
from dataclasses import dataclass
from xml.parsers import expat

from nestlab.domain import failures

_START_TAG = re.compile(rb"""<[^\s/>]+(?:\s+[^\s=]+\s*=\s*(?:"[^"]*"|'[^']*'))*\s*(/?)>""")


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


def find_spans(source: bytes, name: str) -> tuple[Span, ...]:
    """Every element in the order of start tags.

    source  well-formed or not, in UTF-8
    name    for errors
    Raises UsageError `domain.syntax`, `domain.doctype`.
    """
    parser = expat.ParserCreate("utf-8")
    found: list[Span | None] = []
    names: list[str] = []
    opened: list[tuple[int, int, int, bool]] = []

    def start(tag: str, _attributes: object) -> None:
        at = parser.CurrentByteIndex
        match = _START_TAG.match(source, at)
        if match is None:
            raise failures.syntax(name, parser.CurrentLineNumber, f"a tag <{tag}> that never ends")
        opened.append((len(found), at, match.end(), bool(match[1])))
        found.append(None)
        names.append(tag)

    def end(tag: str) -> None:
        place, at, content, is_empty = opened.pop()
        close = content if is_empty else parser.CurrentByteIndex
        after = content if is_empty else source.index(b">", close) + 1
        found[place] = Span(tag, at, content, close, after)

    def doctype(*_parts: object) -> None:
        raise _DoctypeError

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(source, True)
    except _DoctypeError:
        raise failures.doctype(name, parser.CurrentLineNumber) from None
    except expat.ExpatError as problem:
        what = expat.ErrorString(problem.code) or "not XML"
        raise failures.syntax(name, problem.lineno, f"this is not XML: {what}") from problem
    return tuple(span for span in found if span is not None)
