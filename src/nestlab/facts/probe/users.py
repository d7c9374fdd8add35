"""Who runs this, and the groups of the machine."""

import os
import re

from nestlab.facts.probe.report import UntoldError
from nestlab.facts.probe.source import Source


def user(source: "Source") -> "dict[str, object]":
    """Effective user and all groups, as numbers."""
    if source.offline:
        raise UntoldError("a copy has no user")
    return {"uid": os.geteuid(), "gids": sorted(set(os.getgroups()) | {os.getegid()})}


def groups(source: "Source") -> "list[list[str]]":
    """/etc/group: name, password, number, members; nothing when it cannot be read."""
    try:
        text = source.text("/etc/group", 1 << 20)
    except (OSError, ValueError):
        return []
    return [line.split(":") for line in text.splitlines() if line.count(":") == 3]


def group_name(source: "Source", number: "int") -> "str | None":
    """The group's name."""
    return next((line[0] for line in groups(source) if line[2] == str(number)), None)


def group_number(source: "Source", name: "str") -> "int | None":
    """The group's number; of one that the copy does not list only root's is known."""
    found = [line[2] for line in groups(source) if line[0] == name]
    if found and re.match(r"\d{1,10}\Z", found[0]):
        return int(found[0])
    return 0 if name == "root" else None
