"""The words for domain XML that cannot be used."""

from nestlab.errors import UsageError


def wrong(name: str, line: int | None, message: str, hint: str | None = None) -> UsageError:
    """`domain.wrong`: it is XML, but not that of a domain that libvirt would take."""
    return UsageError(
        "domain.wrong",
        message,
        where=place(name, line),
        hint=hint or "`virt-xml-validate FILE domain` shows what libvirt would not take",
    )


def syntax(name: str, line: int | None, message: str) -> UsageError:
    """`domain.syntax`: it is not XML."""
    hint = "mend that line; `virsh dumpxml --inactive DOMAIN` gives a whole one"
    return UsageError("domain.syntax", message, where=place(name, line), hint=hint)


def doctype(name: str, line: int | None) -> UsageError:
    """`domain.doctype`: a document type, which could define entities, is refused unread."""
    return UsageError(
        "domain.doctype",
        "it has a document type declaration (<!DOCTYPE …>), which may bring in other files",
        where=place(name, line),
        hint="remove it: libvirt's XML has none, and nothing of it is read here",
    )


def too_large(name: str, limit: str) -> UsageError:
    """`domain.too-large`."""
    return UsageError("domain.too-large", f"it is larger than {limit}", where=name)


def encoding(name: str, what: str) -> UsageError:
    """`domain.encoding`: bytes that are not text, or in a coding that is not known here."""
    hint = "write it in UTF-8, as libvirt does"
    return UsageError("domain.encoding", what, where=name, hint=hint)


def place(name: str, line: int | None) -> str:
    """The file, or the domain, and the line."""
    return name if line is None else f"{name}:{line}"
