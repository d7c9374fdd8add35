"""What identifies a domain in its XML, with the checks that whatever follows relies on."""

from dataclasses import dataclass
from typing import Final

from lxml import etree

from nestlab.domain import failures
from nestlab.domain.document import Document, parse_document

EMULATED: Final = "qemu"
"""The domain type that QEMU runs by emulation (TCG); `kvm` is the other one of QEMU's."""


@dataclass(frozen=True, eq=False)
class Domain:
    """A document whose root is a domain.

    type   `kvm`, `qemu` (emulated), `xen`, `lxc` …
    arch   of the guest, as libvirt writes it; None: not said
    """

    document: Document
    name: str
    uuid: str | None
    type: str
    arch: str | None

    @property
    def emulated(self) -> bool:
        """Whether QEMU emulates its CPU."""
        return self.type == EMULATED

    @property
    def root(self) -> etree._Element:
        """The element `domain`."""
        return self.document.root

    def only_child(self, tag: str) -> etree._Element | None:
        """The child of the root with that name, None if there is none.

        Raises UsageError `domain.wrong` for two.
        """
        found = self.root.findall(tag)
        if len(found) > 1:
            line = self.document.line(found[1])
            raise failures.wrong(self.document.name, line, f"a second <{tag}> in the domain")
        return found[0] if found else None


def read_domain(data: bytes, name: str) -> Domain:
    """Read a domain's XML.

    name  a file or a domain, for errors
    Raises UsageError: what `parse_document` raises, `domain.wrong`.
    """
    return of_document(parse_document(data, name))


def of_document(document: Document) -> Domain:
    """The domain in a document. Raises UsageError `domain.wrong`."""
    root = document.root
    if root.tag != "domain":
        message = f"this is <{etree.QName(root).localname}>, not a <domain>"
        raise failures.wrong(document.name, document.line(root), message)
    kind, name = root.get("type"), root.findtext("name")
    if not kind:
        raise failures.wrong(document.name, document.line(root), "<domain> has no type")
    if not name:
        raise failures.wrong(document.name, document.line(root), "the domain has no <name>")
    uuid = (root.findtext("uuid") or "").strip() or None
    guest = root.find("os/type")
    return Domain(document, name, uuid, kind, None if guest is None else guest.get("arch"))
