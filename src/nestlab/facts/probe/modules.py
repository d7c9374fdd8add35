"""Kernel modules: which are there, and their parameters."""

import re

from nestlab.facts.probe.kernel import release_or_none
from nestlab.facts.probe.report import word
from nestlab.facts.probe.source import BIG, Source

NESTED_BY = ("kvm_intel", "kvm_amd", "kvm_hv", "kvm")
WITH_PARAMETERS = ("kvm", "kvm_intel", "kvm_amd", "kvm_hv", "vboxdrv")
MODULES = (
    "kvm kvm_intel kvm_amd kvm_hv kvm_pr kvm_pvm vboxdrv vmmon vfio vfio_pci vfio_iommu_type1"
    " vhost_net vhost_vsock tun nbd msr irqbypass"
).split()


def nested(source: "Source") -> "dict[str, str]":
    """The parameter `nested` of every KVM module that has one, as the kernel prints it."""
    found = {}  # type: dict[str, str]
    for module in NESTED_BY:
        path = "/sys/module/%s/parameters/nested" % module
        try:
            found[module] = word(source.setting(path), "value")
        except (FileNotFoundError, NotADirectoryError):
            continue
    return found


def parameters(source: "Source") -> "dict[str, dict[str, str]]":
    """Every parameter of these modules that can be read and is short."""
    found = {}  # type: dict[str, dict[str, str]]
    for module in WITH_PARAMETERS:
        base = "/sys/module/%s/parameters" % module
        for name in source.names_or_none(base)[:256]:
            value = source.setting_or("%s/%s" % (base, name), None)
            if value is not None and len(value) <= 200:
                found.setdefault(module, {})[name] = value
    return found


def modules(source: "Source") -> "dict[str, dict[str, object]]":
    """State of the modules that this product cares about.

    /sys/module/X of a module that was loaded has `initstate`, that of a built-in one has not; a
    built-in one is there only when it has parameters or a version.
    """
    loaded = loaded_modules(source)
    release = release_or_none(source)
    builtin = loadable = None
    if release:
        builtin = module_list(source, "/lib/modules/%s/modules.builtin" % release)
        loadable = module_list(source, "/lib/modules/%s/modules.dep" % release)
    found = {}  # type: dict[str, dict[str, object]]
    for name in MODULES:
        shown = source.exists("/sys/module/%s" % name)
        state = None  # type: str | None
        if loaded is not None and name in loaded:
            found[name] = dict(loaded[name], state="loaded")
            continue
        if source.exists("/sys/module/%s/initstate" % name):
            state = "loaded"
        elif listed(builtin, name) or (
            shown and not listed(loadable, name) and not (source.offline and loaded is None)
        ):
            state = "builtin"
        elif listed(loadable, name):
            state = "loaded" if shown else "available"
            if shown and loaded is not None:
                state = None  # two sources contradict each other
        elif builtin is not None and loadable is not None:
            state = "absent"
        found[name] = {"state": state}
    return found


def loaded_modules(source: "Source") -> "dict[str, dict[str, object]] | None":
    """/proc/modules: name size users holders state address; None when it cannot be read."""
    try:
        lines = source.text("/proc/modules", 1 << 20).splitlines()
    except (OSError, ValueError):
        return None
    found = {}  # type: dict[str, dict[str, object]]
    for line in lines:
        words = line.split()
        if len(words) < 5 or not words[1].isdigit():
            continue
        held = [holder for holder in words[3].split(",") if holder and holder[0] not in "-["]
        # a kernel that cannot unload has `-` for the count
        users = int(words[2]) if re.match(r"\d{1,9}\Z", words[2]) else None
        found[words[0]] = {"users": users, "used_by": held}
    return found


def module_list(source: "Source", path: "str") -> "bytes | None":
    """modules.dep or modules.builtin; None when it cannot be read or does not end as it should."""
    try:
        content = source.data(path, BIG >> 1)
    except (OSError, ValueError):
        return None
    return content if content.endswith(b"\n") and b".ko" in content else None


def listed(content: "bytes | None", name: "str") -> "bool":
    """Whether a module's file is in such a list; `-` and `_` are the same in its name."""
    spellings = {name, name.replace("_", "-")}
    return content is not None and any(
        ("/%s.ko" % spelling).encode() in content for spelling in spellings
    )
