"""What a change costs, and what it leaves: sentences for the user. Pure.

Sources: Linux Documentation/virt/kvm/x86/running-nested-guests.rst, "Live migration";
libvirt, "Domain XML format", host-passthrough.
"""

from collections.abc import Iterator
from typing import Final

from nestlab.domain.change import Change
from nestlab.domain.cpu import EXTENSIONS, WHOLE, Extension

SVM_PARTS: Final = frozenset(
    "npt nrip-save vgif pause-filter pfthreshold tsc-scale lbrv svm-lock flushbyasid"
    " decodeassists vmcb-clean v-vmsave-vmload avic svme-addr-chk".split()
)
"""Features that belong to svm, without its name in theirs (libvirt, src/cpu_map)."""


def advice(change: Change, extension: Extension | None) -> tuple[str, ...]:
    """Warnings about this change, in the order of their weight; none when nothing is changed."""
    if change.nothing_to_do:
        return ()
    after = change.after
    found = [*_cost(change, extension), *_left(change, extension), *_lost(change)]
    if change.cpu_before.override:
        found.insert(0, "qemu:commandline has a -cpu, which wins over <cpu>: that word is changed")
    if after.emulated:
        found.insert(
            0,
            "this domain is emulated (type qemu): host-passthrough is for KVM only, so it gets "
            "what QEMU can emulate, with AMD's svm. It nests, slowly",
        )
    return tuple(found)


def _cost(change: Change, extension: Extension | None) -> Iterator[str]:
    if change.after.emulated:
        return
    if change.cpu_after.mode == "host-passthrough" or change.cpu_after.override:
        yield (
            "with the host's whole CPU it can be migrated live only to hosts with the same CPU, "
            "microcode and kernel"
        )
    if extension != "vmx":
        yield (
            "on AMD, once a guest of this guest has run, do not migrate, save or snapshot it with "
            "its memory before it was shut down: the kernel calls the result undefined"
        )
    else:
        yield (
            "while a guest of this guest runs, migrating or saving it needs Linux 5.3 and QEMU 4.2 "
            "or later on both hosts"
        )


def _left(change: Change, extension: Extension | None) -> Iterator[str]:
    """Features that stay although they weaken nesting: somebody may have had a reason."""
    for name, policy in change.cpu_after.features:
        part = name.startswith("vmx-") or name in SVM_PARTS
        if part and policy in {"disable", "forbid"}:
            yield f"{name} stays with policy {policy}: the guest's guests do without it"
        if name in EXTENSIONS and extension and name != extension and policy == "require":
            yield f"{name} is required, which this host does not have: the domain will not start"


def _lost(change: Change) -> Iterator[str]:
    before, after = change.before.root, change.after.root
    model = before.find("cpu/model")
    if model is not None and model.get("vendor_id") and after.find("cpu/model") is None:
        yield f"vendor_id {model.get('vendor_id')!r} goes with the model it belonged to"
    if change.cpu_after.mode in WHOLE:
        return
    for tag in ("cache", "maxphysaddr"):
        if before.find(f"cpu/{tag}") is not None and after.find(f"cpu/{tag}") is None:
            yield f"<{tag} mode='passthrough'> goes: libvirt allows it with host-passthrough only"
