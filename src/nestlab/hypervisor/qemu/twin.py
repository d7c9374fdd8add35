"""A small guest like one of the lab, with the same QEMU, image and accelerator (pure)."""

import dataclasses

from nestlab.hypervisor.plan import GuestPlan
from nestlab.hypervisor.qemu.argv import qemu_argv
from nestlab.hypervisor.qemu.disks import overlay_argv
from nestlab.hypervisor.qemu.files import Files
from nestlab.workload.startable import MEMORY, VCPUS, Startable

_FOLDER = "boot"
_IDENTITY = "~boot"
"""No machine of a lab has such a name: who looks for the machine does not find its twin."""

# systemd(1), kernel command line. Our image's own default target is a small part of Debian.
_KERNEL = (
    "systemd.unit=multi-user.target",
    "systemd.show_status=yes",
    "systemd.log_color=no",
)

_NOT_NOW = frozenset({"-S", "-daemonize"})
"""It starts at once, and stays a child of the program that watches it."""


def why_no_twin(plan: GuestPlan) -> str:
    """Why a machine can have no twin; empty: it can."""
    if plan.image.kernel is None:
        return f"the image of {plan.path} has a boot loader of its own, which takes no kernel words"
    if plan.nat != "slirp":
        return f"QEMU of the parent of {plan.path} has no user-mode network of its own"
    return ""


def twin(plan: GuestPlan, *, firmware: str | None) -> Startable:
    """A guest of one size for all levels, with nothing of the lab but the machine's own seed.

    Its addresses are those of the machine: each has a network of its own. Raises what `qemu_argv`
    raises.
    """
    small = dataclasses.replace(
        plan,
        path=f"{plan.path}{_IDENTITY}",
        vcpus=VCPUS,
        memory=MEMORY,
        disk=None,
        kernel=(*plan.kernel, *_KERNEL),
        folder=f"{plan.folder}/{_FOLDER}",
        sockets=f"{plan.sockets}/{_FOLDER}",
        ports=(),
        handed=(),
        disks=(),
        devices=(),
        saved=None,
    )
    files = Files(small)
    words = qemu_argv(small, firmware=firmware)
    return Startable(
        overlay=overlay_argv(small),
        argv=tuple(word for word in words if word not in _NOT_NOW),
        folder=small.folder,
        sockets=small.sockets,
        seed=Files(plan).seed,
        console=files.console_log,
        monitor=files.monitor,
    )
