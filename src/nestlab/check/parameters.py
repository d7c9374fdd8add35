"""Module parameters: the kernel's words, modprobe.d, the kernel command line (pure)."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from nestlab.facts.kernel import ConfigLine
from nestlab.facts.model import Facts

_ON, _OFF = frozenset({"Y", "y", "1"}), frozenset({"N", "n", "0"})
# What `install MODULE …` says when the module shall never be loaded: modprobe.d(5).
_REFUSALS = frozenset(
    f"{folder}{name}"
    for folder in ("/bin/", "/usr/bin/", "/sbin/", "/usr/sbin/", "")
    for name in ("false", "true", "nologin")
)


@dataclass(frozen=True)
class Setting:
    """A value that somebody gave to a parameter, and the place: `file:line` or `command line`."""

    value: str
    place: str


def is_on(value: str | None) -> bool | None:
    """A boolean parameter: `Y`/`N` of a bool, `1`/`0` of an int; None for anything else."""
    if value in _ON:
        return True
    return False if value in _OFF else None


def running(facts: Facts, module: str, name: str) -> str | None:
    """The value in /sys/module now; `nested` is reported on its own as well."""
    value = (facts.parameters or {}).get(module, {}).get(name)
    return (facts.nested or {}).get(module) if value is None and name == "nested" else value


def configured(facts: Facts, module: str, name: str) -> tuple[Setting, ...]:
    """What modprobe.d says, in the order that modprobe obeys: the last one wins."""
    return tuple(
        Setting(value, f"{line.file}:{line.line}")
        for line, words in _lines(facts)
        if words[0] == "options" and len(words) > 2 and _same(words[1], module)
        for key, _, value in (word.partition("=") for word in words[2:])
        if key == name
    )


def on_command_line(facts: Facts, module: str, name: str) -> Setting | None:
    """The last `module.name=value` of the kernel command line; `-` and `_` are the same there."""
    found = None
    for word in facts.cmdline or ():
        key, _, value = word.partition("=")
        owner, _, parameter = key.partition(".")
        if _same(owner, module) and _same(parameter, name):
            found = Setting(value, "kernel command line")
    return found


def blocked(facts: Facts, module: str) -> Setting | None:
    """The line of modprobe.d that keeps `module` from being loaded, or None."""
    for line, words in _lines(facts):
        if len(words) > 1 and _same(words[1], module):
            refused = words[0] == "install" and len(words) > 2 and words[2] in _REFUSALS
            if refused or words[0] == "blacklist":
                return Setting(line.text.strip(), f"{line.file}:{line.line}")
    return None


def _lines(facts: Facts) -> Iterator[tuple[ConfigLine, list[str]]]:
    for line in facts.modprobe or ():
        try:
            words = shlex.split(line.text, comments=True)
        except ValueError:  # an unbalanced quote: modprobe takes the words as they are
            words = line.text.split()
        if words:
            yield line, words


def _same(one: str, other: str) -> bool:
    return one.replace("-", "_") == other.replace("-", "_")
