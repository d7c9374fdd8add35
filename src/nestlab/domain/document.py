"""An XML document that is read with lxml and changed in its text.

lxml writes a document anew: quotes, blanks between attributes, what stands before the root and
line ends become its own, and every diff would be full of them. So the tree is only read. Changes
are replacements of stretches of the text, and what lies outside of them stays byte for byte.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Final
from xml.sax.saxutils import escape

from lxml import etree

from nestlab.domain import failures
from nestlab.domain.encoding import Encoding, decode
from nestlab.domain.spans import Span, check_syntax, find_places, span_at
from nestlab.units import MIB, format_size

LIMIT: Final = 8 * MIB
"""Bytes of a document; libvirt's own XML has some kilobytes."""

_ATTRIBUTE = re.compile(rb"""(\s+)([^\s=]+)(\s*=\s*)("[^"]*"|'[^']*')""")


@dataclass(frozen=True)
class Edit:
    """Bytes `start` up to `end` of the source become `text`; equal ones insert."""

    start: int
    end: int
    text: bytes


@dataclass(frozen=True, eq=False)
class Document:
    """One document.

    name      a file or a domain, for errors
    source    its text in UTF-8, without a byte order mark
    encoding  how the bytes were written
    root      read only
    """

    name: str
    source: bytes
    encoding: Encoding
    root: etree._Element

    def span(self, element: etree._Element) -> Span:
        """Where an element of this document's tree stands in `source`."""
        return span_at(self.source, self._places[element])

    @cached_property
    def _places(self) -> dict[etree._Element, tuple[int, int]]:
        """Both parsers meet the elements in the same order."""
        elements = list(self.root.iter(etree.Element))
        return dict(zip(elements, find_places(self.source), strict=True))

    def line(self, element: etree._Element) -> int:
        """The line, from 1, on which an element begins."""
        return self.source.count(b"\n", 0, self.span(element).start) + 1

    def edited(self, edits: Iterable[Edit]) -> "Document":
        """The document with stretches replaced; they must not overlap.

        Raises what `parse_document` raises if the result is not XML.
        """
        parts, at = [], 0
        for edit in sorted(edits, key=lambda each: each.start):
            if edit.start < at:
                raise ValueError("edits overlap")
            parts += [self.source[at : edit.start], edit.text]
            at = edit.end
        return _parsed(b"".join((*parts, self.source[at:])), self.encoding, self.name)

    def as_bytes(self) -> bytes:
        """The file's content, in the coding in which it came."""
        return self.encoding.encode(self.source)


def parse_document(data: bytes, name: str) -> Document:
    """Read a document that anybody may have written.

    Document types are refused, so there are no entities but XML's own five; nothing else is opened.
    Raises UsageError: `domain.syntax` and `domain.doctype` with file and line, `domain.encoding`,
    `domain.too-large`.
    """
    if len(data) > LIMIT:
        raise failures.too_large(name, format_size(LIMIT))
    source, encoding = decode(data, name)
    return _parsed(source, encoding, name)


def _parsed(source: bytes, encoding: Encoding, name: str) -> Document:
    check_syntax(source, name)
    # The text is UTF-8 here whatever its declaration says.
    parser = etree.XMLParser(
        encoding="utf-8", resolve_entities=False, load_dtd=False, no_network=True,
        strip_cdata=False, huge_tree=False,
    )  # fmt: skip
    try:
        root = etree.fromstring(source, parser)
    except etree.XMLSyntaxError as problem:
        raise failures.syntax(name, problem.lineno, f"this is not XML: {problem.msg}") from problem
    return Document(name, source, encoding, root)


def start_tag(document: Document, element: etree._Element, **values: str | None) -> bytes:
    """The element's start tag with some attributes set, or removed by None.

    The others stay as they are written. New ones come first. An empty tag stays one.
    """
    span = document.span(element)
    text = document.source[span.start : span.content]
    missing = dict(values)

    def replaced(match: re.Match[bytes]) -> bytes:
        name = match[2].decode()
        if name not in values:
            return match[0]
        missing.pop(name, None)
        value = values[name]
        if value is None:
            return b""
        return b"".join((*match.groups()[:3], _quoted(value, match[4][:1])))

    changed = _ATTRIBUTE.sub(replaced, text)
    new = b"".join(
        b" " + name.encode() + b"=" + _quoted(value, b"'")
        for name, value in missing.items()
        if value is not None
    )
    at = 1 + len(span.name.encode())
    return changed[:at] + new + changed[at:]


def blanks_before(source: bytes, at: int) -> bytes:
    """The line end and the indentation directly before an offset; empty in the middle of a line."""
    begin = at
    while begin and source[begin - 1 : begin] in {b" ", b"\t"}:
        begin -= 1
    if begin and source[begin - 1 : begin] == b"\n":
        begin -= 2 if source[max(0, begin - 2) : begin] == b"\r\n" else 1
        return source[begin:at]
    return b""


def _quoted(value: str, quote: bytes) -> bytes:
    entity = {"'": "&apos;", '"': "&quot;"}[quote.decode()]
    return quote + escape(value, {quote.decode(): entity}).encode() + quote
