"""Names that domains of a lab carry (pure)."""

NAMESPACE = "urn:nestlab:lab"
"""Of the element in a domain's metadata that says whose it is; an XML namespace need not be a place
(RFC 3986 has URNs for that), and libvirt's docs/formatdomain ask for one of the application's own.
"""

PREFIX = "nestlab"
"""How that namespace is written."""
