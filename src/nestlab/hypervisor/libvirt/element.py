"""Making XML elements in one expression (lxml.builder does the same without types)."""

from lxml import etree


def element(tag: str, *content: etree._Element | str, **attributes: str) -> etree._Element:
    """An element with text, children and attributes, in that order (pure)."""
    made = etree.Element(tag, attributes)
    for each in content:
        if isinstance(each, str):
            made.text = each
        else:
            made.append(each)
    return made
