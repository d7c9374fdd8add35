"""Version numbers out of the words that kernels and tools print."""

import re

from nestlab.facts.model import Facts

Version = tuple[int, ...]

_NUMBER = re.compile(r"(\d{1,6})\.(\d{1,6})(?:\.(\d{1,6}))?")
# Kernels that follow upstream's stable series release by release, by the suffix of `uname -r`:
# none at all, Arch, Gentoo, Fedora, Alpine. All others carry backports under an older number.
_UPSTREAM = re.compile(
    r"\d+\.\d+(?:\.\d+)?(?:-rc\d+)?"
    r"(?:-arch\d.*|-gentoo.*|-\d+\.fc\d+.*|-\d+-(?:lts|virt|stable))?"
)


def version(text: str) -> Version | None:
    """The first dotted number in `text`, always with three parts; None when there is none."""
    found = _NUMBER.search(text)
    return tuple(int(part or 0) for part in found.groups()) if found else None


def kernel_version(facts: Facts) -> Version | None:
    """The upstream version of the running kernel.

    Debian's `uname -r` has an ABI number (`6.1.0-44-amd64`); the upstream version is in `uname -v`
    (`#1 SMP Debian 6.1.140-1`).
    """
    packaged = re.search(r"Debian (\d+\.\d+\.\d+)", facts.kernel_build or "")
    return version(packaged[1]) if packaged else version(facts.kernel or "")


def follows_upstream(facts: Facts) -> bool:
    """Whether the version alone tells which fixes the kernel has, without any backports."""
    return bool(_UPSTREAM.fullmatch(facts.kernel or ""))


def shown(number: Version) -> str:
    """A version for people."""
    return ".".join(str(part) for part in number)
