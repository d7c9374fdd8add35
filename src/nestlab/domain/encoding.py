"""Bytes of an XML file to text in UTF-8 and back, so that every byte survives.

Extensible Markup Language 1.0, section 4.3.3 and appendix F.
"""

import codecs
import re
from dataclasses import dataclass

from nestlab.domain import failures

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"),
         (codecs.BOM_UTF16_BE, "utf-16-be"))  # fmt: skip
_DECLARED = re.compile(rb"""<\?xml\s[^>]*?\sencoding\s*=\s*["']([A-Za-z][\w.-]*)["']""")
_KNOWN = {
    "utf-8": "utf-8", "utf8": "utf-8", "us-ascii": "ascii", "ascii": "ascii",
    "iso-8859-1": "latin-1", "latin1": "latin-1", "iso-8859-15": "iso8859-15",
}  # fmt: skip


@dataclass(frozen=True)
class Encoding:
    """How a file was written: a mark at its beginning, and Python's name of its coding."""

    mark: bytes = b""
    codec: str = "utf-8"

    def encode(self, source: bytes) -> bytes:
        """UTF-8 as bytes of this coding; what it lacks becomes a character reference."""
        if self.codec == "utf-8":
            return self.mark + source
        return self.mark + source.decode("utf-8").encode(self.codec, "xmlcharrefreplace")


def decode(data: bytes, name: str) -> tuple[bytes, Encoding]:
    """The text in UTF-8, and how to write it back.

    Raises UsageError `domain.encoding`.
    """
    how = _encoding(data, name)
    try:
        text = data[len(how.mark) :].decode(how.codec)
    except UnicodeDecodeError as problem:
        message = f"byte {problem.start + len(how.mark)} is not {how.codec}"
        raise failures.encoding(name, message) from problem
    return text.encode("utf-8"), how


def _encoding(data: bytes, name: str) -> Encoding:
    for mark, codec in _BOMS:
        if data.startswith(mark):
            return Encoding(mark, codec)
    declared = _DECLARED.match(data)
    if declared is None:
        return Encoding()
    word = declared[1].decode("ascii")
    if word.lower() not in _KNOWN:
        raise failures.encoding(name, f"the coding {word!r} is not known here")
    return Encoding(b"", _KNOWN[word.lower()])
