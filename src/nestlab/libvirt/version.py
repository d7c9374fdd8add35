"""How old a libvirt is (pure)."""

import re

Version = tuple[int, int, int]


def version_of(text: str) -> Version | None:
    """The daemon's version in what `virsh version --daemon` prints, else the library's."""
    for pattern in (r"daemon: (\d+)\.(\d+)\.(\d+)", r"libvirt (\d+)\.(\d+)\.(\d+)"):
        if found := re.search(pattern, text):
            return (int(found[1]), int(found[2]), int(found[3]))
    return None


def dotted(version: Version) -> str:
    """`9.0.0`."""
    return ".".join(map(str, version))
