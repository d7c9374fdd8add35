"""What modprobe will give a KVM module at the next boot: its files by name, then the command line.

Sources: modprobe.d(5) (files in order of name, `-` and `_` are the same in module names, a line
that ends with a backslash goes on); kmod's libkmod-config.c (options of the kernel command line
come after those of all files; those given to modprobe come last); Linux kernel/params.c (of a
repeated parameter the last one wins; a bool without a value is true); kstrtobool().
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from nestlab.facts.kernel import ConfigLine

COMMAND_LINE = "the kernel command line"


@dataclass(frozen=True)
class Setting:
    """One place that gives `nested`, with what it says."""

    place: str
    text: str
    on: bool


def is_on(value: str) -> bool:
    """Whether the kernel takes it (or prints it) as true: Y, y, 1, on, or a number but 0."""
    word = value.strip().strip('"').lower()
    return word in {"y", "yes", "t", "true", "on"} or (word.isdecimal() and int(word) != 0)


def option(module: str, line: ConfigLine, name: str = "nested") -> bool | None:
    """What an `options` line says about a parameter of the module; None: nothing."""
    words = line.text.split()
    if len(words) < 3 or words[0] != "options" or _same(words[1]) != module:
        return None
    return _last(name, words[2:])


def on_command_line(module: str, words: Iterable[str], name: str = "nested") -> bool | None:
    """What the kernel command line says about a parameter of the module; None: nothing."""
    return _last(f"{module}.{name}", words)


def blocks(module: str, line: ConfigLine) -> bool:
    """Whether the line keeps the module from being loaded by itself."""
    words = line.text.split()
    return len(words) > 1 and words[0] in {"blacklist", "install"} and _same(words[1]) == module


def lines_of(path: str, content: bytes | None) -> tuple[ConfigLine, ...]:
    """A file of modprobe.d as lines, with those joined that a backslash continues."""
    found: list[ConfigLine] = []
    pending, first = "", 0
    texts = (content or b"").decode("utf-8", "backslashreplace").split("\n")
    for number, text in enumerate(texts, 1):
        first = first or number
        if text.endswith("\\"):
            pending += text[:-1] + " "
            continue
        whole = (pending + text).strip()[:4096]
        if whole and not whole.startswith("#"):
            found.append(ConfigLine(file=path, line=first, text=whole))
        pending, first = "", 0
    return tuple(found)


def settings(
    module: str, others: Sequence[ConfigLine], own: Sequence[ConfigLine], words: Sequence[str]
) -> tuple[tuple[Setting, ...], tuple[Setting, ...]]:
    """Who gives `nested`, in order: before and up to nestlab's own file, and after it.

    others   lines of other files, as modprobe obeys them
    own      the lines of nestlab's file
    words    of the kernel command line
    """
    name = "nestlab.conf"
    # A file of this name in another folder is masked by ours (modprobe.d(5)).
    before = [each for each in others if PurePosixPath(each.file).name < name]
    after = [each for each in others if PurePosixPath(each.file).name > name]
    late = _of(module, after)
    if (value := on_command_line(module, words)) is not None:
        text = " ".join(word for word in words if "nested" in word)
        late = (*late, Setting(COMMAND_LINE, text, value))
    return _of(module, (*before, *own)), late


def on_by_default(module: str, kernel: str | None) -> bool:
    """What the module does unasked.

    kvm_intel since Linux 4.20 (commit 1e58e5e59148), kvm_amd and kvm_hv always, s390's kvm never.
    A kernel that does not say its version counts as old.
    """
    if module != "kvm_intel":
        return module in {"kvm_amd", "kvm_hv"}
    version = re.match(r"(\d+)\.(\d+)", kernel or "")
    return version is not None and (int(version[1]), int(version[2])) >= (4, 20)


def _of(module: str, lines: Iterable[ConfigLine]) -> tuple[Setting, ...]:
    found = ((line, option(module, line)) for line in lines)
    return tuple(
        Setting(f"{line.file}:{line.line}", line.text, on) for line, on in found if on is not None
    )


def _last(name: str, words: Iterable[str]) -> bool | None:
    found: bool | None = None
    for word in words:
        key, equals, value = word.strip('"').partition("=")
        if _same(key) == name:
            found = is_on(value) if equals else True
    return found


def _same(name: str) -> str:
    return name.replace("-", "_")
