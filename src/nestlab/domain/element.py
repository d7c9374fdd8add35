"""The new text of <cpu>: what is right in it stays as it is written, and so do comments."""

import re
from collections.abc import Iterator

from lxml import etree

from nestlab.domain.cpu import EXTENSIONS, WHOLE, Extension
from nestlab.domain.document import Document, Edit, blanks_before, start_tag
from nestlab.domain.domain import Domain

_ASIDE = re.compile(rb"<!\[CDATA\[.*?\]\]>|(<!--.*?-->|<\?.*?\?>)", re.DOTALL)
"""Comments and processing instructions; a section of characters only looks like one."""
_STEP = b"  "


def cpu_edit(domain: Domain, mode: str, require: Extension | None) -> Edit:
    """The replacement of <cpu> (or a new one) that has this mode, and requires the feature."""
    cpu = domain.only_child("cpu")
    return (
        _new(domain, mode, require)
        if cpu is None
        else _changed(domain.document, cpu, mode, require)
    )


def _changed(document: Document, cpu: etree._Element, mode: str, require: Extension | None) -> Edit:
    source, span = document.source, document.span(cpu)
    same = cpu.get("mode") == mode
    edits = list(_inner_edits(document, cpu, mode, require))
    if require and not any(edit.text.startswith(b"<feature") for edit in edits):
        edits.append(_added(document, cpu, _feature(require)))
    content = _applied(source, span.content, span.close, edits)
    migratable = cpu.get("migratable") if mode in WHOLE else None
    tag = start_tag(
        document, cpu, mode=mode, match=None, check=cpu.get("check") if same else None,
        migratable=migratable,
    )  # fmt: skip
    tag = tag.removesuffix(b"/>").removesuffix(b">").rstrip()
    if not content.strip():
        return Edit(span.start, span.end, tag + b"/>")
    return Edit(span.start, span.end, tag + b">" + content + b"</cpu>")


def _inner_edits(
    document: Document, cpu: etree._Element, mode: str, require: Extension | None
) -> Iterator[Edit]:
    seen = False
    for child in cpu.iterchildren(etree.Element):
        span = document.span(child)
        name = child.get("name") if child.tag == "feature" else None
        if name == require and name is not None and not seen:
            seen = True
            yield Edit(span.start, span.content, start_tag(document, child, policy="require"))
        elif _goes(child, mode, name, require):
            yield _removed(document.source, span.start, span.end)


def _goes(child: etree._Element, mode: str, name: str | None, require: Extension | None) -> bool:
    """Whether a child says what the new mode does not allow, or takes the extensions away.

    Features: where one is required, further ones of that name; otherwise what the whole CPU
    has anyway. libvirt refuses `passthrough` of caches and addresses in other modes
    (qemuValidateDomainDefCpu).
    """
    if child.tag in {"model", "vendor"}:
        parent = child.getparent()
        return parent is not None and parent.get("mode") != mode
    if child.tag == "feature":
        unsure = child.get("policy", "require") != "require"
        return name in EXTENSIONS and (name == require or (mode in WHOLE and unsure))
    partial = child.tag in {"cache", "maxphysaddr"} and mode not in WHOLE
    return partial and child.get("mode") == "passthrough"


def _removed(source: bytes, start: int, end: int) -> Edit:
    """Without the element and the line that it had for itself, but with the comments in it."""
    kept = b"".join(match[1] or b"" for match in _ASIDE.finditer(source, start, end))
    if kept:
        return Edit(start, end, kept)
    return Edit(start - len(blanks_before(source, start)), end, b"")


def _added(document: Document, cpu: etree._Element, text: bytes) -> Edit:
    """The text after the last child that is an element, in a line of its own if those have one."""
    source, span = document.source, document.span(cpu)
    children = list(cpu.iterchildren(etree.Element))
    if children:
        last = document.span(children[-1])
        return Edit(last.end, last.end, blanks_before(source, last.start) + text)
    outer = blanks_before(source, span.start)
    inner = outer + _STEP if outer else b""
    if span.is_empty_tag:
        return Edit(span.content, span.content, inner + text + outer)
    return Edit(span.content, span.content, inner + text)


def _applied(source: bytes, start: int, end: int, edits: list[Edit]) -> bytes:
    parts, at = [], start
    for edit in sorted(edits, key=lambda each: (each.start, each.end)):
        parts += [source[at : edit.start], edit.text]
        at = edit.end
    return b"".join((*parts, source[at:end]))


def _feature(name: str) -> bytes:
    return f"<feature policy='require' name='{name}'/>".encode()


def _new(domain: Domain, mode: str, require: Extension | None) -> Edit:
    """Where libvirt itself writes <cpu>: after <features>, else after <os>, else at the end."""
    document = domain.document
    source, anchor = document.source, domain.root.find("features")
    if anchor is None:
        anchor = domain.root.find("os")
    children = list(domain.root.iterchildren(etree.Element))
    place = document.span(children[-1] if anchor is None else anchor)
    blanks = blanks_before(source, place.start)
    tag = f"<cpu mode='{mode}'".encode()
    if require is None:
        return Edit(place.end, place.end, blanks + tag + b"/>")
    inner = blanks + _STEP if blanks else b""
    return Edit(
        place.end, place.end, blanks + tag + b">" + inner + _feature(require) + blanks + b"</cpu>"
    )
