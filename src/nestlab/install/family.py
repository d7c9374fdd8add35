"""What is known of one kind of installer: its answer file, its trees, its words on the console."""

import importlib
import pkgutil
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Literal

from nestlab.errors import UsageError
from nestlab.install import families
from nestlab.install.answers import Answers, FileSystem

Means = Literal["step", "progress", "prompt", "failed", "done", "ended"]
Wants = Literal["mirror", "maybe a mirror", "tree"]


@dataclass(frozen=True)
class Sign:
    """What a line of the console means, when the pattern is found in it.

    means    step: what is being done now; progress: the same, `pattern` has a group `percent`, or
             the groups `at` and `of`; prompt: somebody is asked; failed: the installer gave up, or
             the kernel did where `pattern` has a group `words`; done: the last command of the
             answers ran; ended: the machine is switched off
    step     a few words; with groups of the pattern as `{name}`
    """

    means: Means
    pattern: re.Pattern[str]
    step: str = ""


def signs(*rows: tuple[Means, str, str]) -> tuple[Sign, ...]:
    """A table of signs: what it means, regular expression, step."""
    return tuple(Sign(means, re.compile(pattern), step) for means, pattern, step in rows)


@dataclass(frozen=True)
class Place:
    """Where a tree may have kernel and initrd.

    sums     file of the tree with their checksums, None: nobody publishes any
    base     the part of the paths that the file of checksums leaves out
    """

    kernel: str
    initrd: str
    sums: str | None = None
    base: str = ""


@dataclass(frozen=True)
class Source:
    """How the running installer sees its tree.

    url     of a folder or a web server's tree, as the guest reaches it; None: it has the ISO as CD
    places  names of further repositories beside it -> their URLs
    """

    url: str | None
    beside: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Family:
    """One kind of installer.

    systems       names for --os -> what the finished image is called to people
    file          name of the answer file
    injected      its path in the initrd; None: it goes onto a disk labelled `cidata`
    write         the answer file (pure)
    arguments     words of the kernel command line besides the consoles (pure)
    places        where its trees have kernel and initrd, the likeliest first
    filesystems   of the root, that its installer can make
    signs         words on its console, the first that fits counts
    parent        what a tree lies in together with its sister repositories: their common root is
                  what the guest has to reach
    wants         what packages come from: a mirror of apt's, one if the user names it, or the tree
    whole         whether a tree must be an ISO, which the guest has as its CD
    memory        bytes that the installer needs
    """

    name: str
    systems: dict[str, str]
    file: str
    injected: str | None
    write: Callable[[Answers, Source], str]
    arguments: Callable[[Source], tuple[str, ...]]
    places: tuple[Place, ...]
    signs: tuple[Sign, ...]
    memory: int
    filesystems: Callable[[str], tuple[FileSystem, ...]]
    wants: Wants
    parent: re.Pattern[str] | None = None
    whole: bool = False


@cache
def known() -> dict[str, Family]:
    """Name for --os -> family, from the files of `nestlab.install.families`."""
    found: dict[str, Family] = {}
    for module in sorted(each.name for each in pkgutil.iter_modules(families.__path__)):
        family = importlib.import_module(f"{families.__name__}.{module}").FAMILY
        found |= dict.fromkeys(family.systems, family)
    return found


def family_of(system: str) -> Family:
    """The family for --os; raises UsageError `install.unknown-os`."""
    found = known().get(system)
    if found is None:
        raise UsageError(
            "install.unknown-os",
            f"nestlab cannot answer the installer of {system!r}",
            hint=f"--os with one of: {', '.join(sorted(known()))}",
        )
    return found
