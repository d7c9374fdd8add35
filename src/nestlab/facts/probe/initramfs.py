"""The initial RAM file system, which may have its own copy of KVM's modules and options."""

import os
import re

from nestlab.facts.probe.kernel import release_or_none
from nestlab.facts.probe.programs import Program
from nestlab.facts.probe.report import UntoldError
from nestlab.facts.probe.source import BIG, Source

INITRAMFS = (
    # program, folder or file of its configuration, program that lists an image
    ("update-initramfs", "/etc/initramfs-tools", "lsinitramfs"),
    ("dracut", "/etc/dracut.conf", "lsinitrd"),
    ("mkinitcpio", "/etc/mkinitcpio.conf", "lsinitcpio"),
)
LISTING_PATIENCE = 10.0  # seconds that listing an image gets


def initramfs(source: "Source", lines: "list[dict[str, object]] | None") -> "dict[str, object]":
    """Tool and image, and whether a KVM module is inside.

    That takes a second of unpacking, so it is looked at only when there are `options` that an old
    copy in the image would not obey. `lines`: what `modprobe` found.
    """
    tool = lister = None
    for name, configuration, lists in INITRAMFS:
        if source.program(name) or (source.offline and source.exists(configuration)):
            tool, lister = name, lists
            break
    if source.offline and not (tool or source.has_programs() or source.exists("/boot")):
        raise UntoldError("the copy has neither programs nor /boot")
    release = release_or_none(source)
    names = ["initrd.img-%s", "initramfs-%s.img", "initrd-%s"] if release else []
    image = listing = None
    for path in ["/boot/" + name % release for name in names] + ["/boot/initramfs-linux.img"]:
        listing = path + ".ls"
        if source.exists(path) or (source.offline and source.exists(listing)):
            image = path
            break
    has_kvm = None
    if image and source.offline:
        text = source.text(listing or "", BIG) if source.exists(listing or "") else ""
        has_kvm = holds_kvm(text)
    elif image and lister and source.programs and has_options(lines):
        program = source.program(lister)
        if program and os.access(image, os.R_OK):
            text = Program([program, image]).end(LISTING_PATIENCE, BIG) or ""
            has_kvm = holds_kvm(text)
    return {"tool": tool, "image": image, "has_kvm": has_kvm}


def has_options(lines: "list[dict[str, object]] | None") -> "bool":
    """Whether modprobe.d gives a KVM module options, which an initramfs may not know."""
    return any(str(line["text"]).startswith("options") for line in lines or ())


def holds_kvm(listing: "str") -> "bool | None":
    """Whether a listing has a KVM module; None when it is no listing of an initramfs."""
    if re.search(r"/kvm[^/\s]*\.ko", listing):
        return True
    return False if re.search(r"(?:^|[\s/])(?:lib|bin|etc|init)\b", listing) else None
