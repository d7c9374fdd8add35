"""What modprobe.d says about KVM's modules."""

import os
import re
import stat

from nestlab.facts.probe.report import UntoldError
from nestlab.facts.probe.source import Source

MODPROBE_FOLDERS = (
    "/etc/modprobe.d", "/run/modprobe.d", "/usr/local/lib/modprobe.d", "/usr/lib/modprobe.d",
    "/lib/modprobe.d",
)  # fmt: skip
MODPROBE_VERBS = ("options", "blacklist", "install", "remove", "softdep", "alias")
KVM_MODULES = {"kvm", "kvm_intel", "kvm_amd", "kvm_hv", "kvm_pr", "vboxdrv"}


def modprobe(source: "Source") -> "list[dict[str, object]]":
    """Lines about KVM's modules in modprobe.d (modprobe.d(5)).

    Files are taken in the order of their names; one in an earlier folder masks those of the same
    name in later ones. A link to /dev/null masks and says nothing.
    """
    if source.offline and not any(map(source.exists, ("/etc", *MODPROBE_FOLDERS))):
        raise UntoldError("the copy has neither /etc nor a folder modprobe.d")
    places = {}  # type: dict[str, str]
    for folder in MODPROBE_FOLDERS:
        for name in source.names_or_none(folder):
            path = "%s/%s" % (folder, name)
            wanted = name.endswith(".conf") and not name.startswith(".") and name not in places
            if wanted and not is_folder(source, path):
                places[name] = path
    found = []  # type: list[dict[str, object]]
    for _, path in sorted(places.items()):
        if is_masked(source, path):
            continue
        text = source.data(path, 1 << 18).decode("utf-8", "backslashreplace")
        for number, words in config_lines(text):
            if len(words) > 1 and words[0] in MODPROBE_VERBS:
                about = set(words[1:3] if words[0] == "alias" else words[1:2])
                if {name.replace("-", "_") for name in about} & KVM_MODULES:
                    found.append({"file": path, "line": number, "text": " ".join(words)})
    return found


def is_folder(source: "Source", path: "str") -> "bool":
    """Whether the path is that of a folder."""
    try:
        return stat.S_ISDIR(source.status(path).st_mode)
    except (OSError, ValueError):
        return False


def is_masked(source: "Source", path: "str") -> "bool":
    """Whether it is a link that leads nowhere or to /dev/null."""
    folder, name = os.path.split(path)
    try:
        target = os.readlink("%s/%s" % (source.resolve(folder), name))
    except OSError:
        return False
    return target == "/dev/null" or not source.exists(path)


def config_lines(text: "str") -> "list[tuple[int, list[str]]]":
    """Number and words of each line; a backslash at the end joins the next, # is a comment."""
    found = []  # type: list[tuple[int, list[str]]]
    number = 1
    for line in re.findall(r"(?:\\\n|[^\n])+|\n", text):
        words = line.replace("\\\n", "").split()
        if words and not words[0].startswith("#"):
            found.append((number, words))
        number += line.count("\n")
    return found
