"""XML that anybody may have written: hostile ones are refused, others keep every byte."""

import codecs
from pathlib import Path

import pytest
from hypothesis import given, settings

from domain_examples import domain_xml, domains
from nestlab.domain.change import Wish, expose
from nestlab.domain.document import LIMIT, Edit, parse_document, start_tag
from nestlab.domain.domain import read_domain
from nestlab.errors import UsageError

LAUGHS = (
    '<!DOCTYPE d [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY a{n} "{f"&a{n - 1 or str()};" * 10}">' for n in range(1, 12))
    + "]>"
)
HOSTILE = {
    "billion laughs": LAUGHS + "<domain type='kvm'><name>&a11;</name></domain>",
    "quadratic": f"<!DOCTYPE d [<!ENTITY a '{'x' * 50000}'>]><domain>{'&a;' * 50000}</domain>",
    "a file": '<!DOCTYPE d [<!ENTITY e SYSTEM "file:///etc/passwd">]><domain>&e;</domain>',
    "a parameter entity": '<!DOCTYPE d [<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;]><domain/>',
    "an outer subset": '<!DOCTYPE d SYSTEM "http://127.0.0.1:1/d.dtd"><domain/>',
    "a public one": '<!DOCTYPE d PUBLIC "-//a//b" "file:///etc/passwd"><domain/>',
    "an empty one": "<!DOCTYPE domain><domain/>",
    "defaults": "<!DOCTYPE d [<!ATTLIST domain type CDATA 'kvm'>]><domain/>",
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16"])
def test_document_types_are_refused_unread(name: str, codec: str) -> None:
    data = HOSTILE[name].encode(codec)
    with pytest.raises(UsageError) as refused:
        parse_document(data, "evil.xml")
    assert refused.value.code == "domain.doctype"
    assert (refused.value.where or "").startswith("evil.xml:1")
    assert "root:" not in str(refused.value)


def test_nothing_of_a_hostile_file_is_opened(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hidden")
    text = f'<?xml version="1.0"?>\n<!DOCTYPE d [<!ENTITY e SYSTEM "{secret}">]>\n<d>&e;</d>'
    with pytest.raises(UsageError) as refused:
        parse_document(text.encode(), "evil.xml")
    assert refused.value.where == "evil.xml:2"


def test_an_inclusion_is_only_an_element() -> None:
    text = (
        "<domain type='kvm'><name>a</name><metadata>"
        "<i:include xmlns:i='http://www.w3.org/2001/XInclude' href='/etc/passwd' parse='text'/>"
        "</metadata></domain>"
    )
    change = expose(read_domain(text.encode(), "x"), Wish())
    assert b"root:" not in change.after.document.as_bytes()


@pytest.mark.parametrize(
    ("data", "code", "where"),
    [
        (b"", "domain.syntax", "x.xml:1"),
        (b"<domain>\n<a>\n</b></domain>", "domain.syntax", "x.xml:3"),
        (b"<domain>\n&undefined;</domain>", "domain.syntax", "x.xml:2"),
        (b"<domain a='1' a='2'/>", "domain.syntax", "x.xml:1"),
        (b"<q:domain/>", "domain.syntax", "x.xml:1"),
        (b"<domain>\xff</domain>", "domain.encoding", "x.xml"),
        (b"<?xml version='1.0' encoding='utf-7'?><domain/>", "domain.encoding", "x.xml"),
        (b"<domain>\0</domain>", "domain.syntax", "x.xml:1"),
        (b"<a>" * 100000, "domain.syntax", "x.xml:1"),
        (b"<a>" * 50000 + b"</a>" * 50000, "domain.syntax", "x.xml:1"),
        (b" " * (LIMIT + 1), "domain.too-large", "x.xml"),
        (b"<domain" + b" a" * 100000, "domain.syntax", "x.xml:1"),
    ],
)
def test_what_is_no_xml_says_where(data: bytes, code: str, where: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_document(data, "x.xml")
    assert (refused.value.code, refused.value.where) == (code, where)


@pytest.mark.parametrize(
    ("codec", "declared", "mark"),
    [
        ("utf-8", "UTF-8", b""),
        ("utf-8", "UTF-8", codecs.BOM_UTF8),
        ("utf-16-le", "UTF-16", codecs.BOM_UTF16_LE),
        ("utf-16-be", "UTF-16", codecs.BOM_UTF16_BE),
        ("latin-1", "ISO-8859-1", b""),
    ],
)
def test_every_coding_is_kept(codec: str, declared: str, mark: bytes) -> None:
    head = f'<?xml version="1.0" encoding="{declared}"?>\r\n'
    text = head + domain_xml(rest="<!-- ü é -->").replace("\n", "\r\n")
    data = mark + text.encode(codec)
    after = expose(read_domain(data, "x"), Wish()).after.document.as_bytes()
    assert after.startswith(mark)
    old = text[text.index("  <cpu") : text.index("</cpu>") + 6]
    wanted = text.replace(old, "  <cpu mode='host-passthrough'/>")
    assert after[len(mark) :].decode(codec) == wanted


@settings(deadline=None, max_examples=50)
@given(domains())
def test_reading_changes_nothing_and_knows_every_place(text: str) -> None:
    document = parse_document(text.encode(), "x")
    assert document.as_bytes() == text.encode()
    for element in document.root.iter("*"):
        span = document.span(element)
        assert document.source[span.start :].startswith(b"<")
        assert document.source[: span.end].endswith(b">")
        assert start_tag(document, element) == document.source[span.start : span.content]
    assert document.edited([Edit(0, 0, b"")]).source == document.source


def test_edits_that_overlap_are_a_mistake_of_ours() -> None:
    document = parse_document(b"<a><b/></a>", "x")
    with pytest.raises(ValueError, match="overlap"):
        document.edited([Edit(3, 7, b""), Edit(4, 5, b"")])


def test_a_value_is_escaped() -> None:
    document = parse_document(b"<a b = \"1\" c='&lt;'/>", "x")
    tag = start_tag(document, document.root, b="<\"'&", d="it's")
    again = parse_document(tag, "x").root
    assert {str(key): str(value) for key, value in again.attrib.items()} == {
        "b": "<\"'&",
        "c": "<",
        "d": "it's",
    }
