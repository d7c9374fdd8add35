"""The CPU of a domain, from QEMU's spelling of it (pure).

Source: libvirt docs/formatdomain, "CPU model and topology": `host-passthrough` is QEMU's `-cpu
host`, `maximum` its `-cpu max` (libvirt 7.1), and a feature is only guaranteed by `require`.
"""

from lxml import etree

from nestlab.hypervisor.libvirt.element import element
from nestlab.hypervisor.libvirt.offered import feature_of
from nestlab.hypervisor.plan import GuestPlan
from nestlab.hypervisor.qemu.arch import arch_of

_MODES = {"host": "host-passthrough", "max": "maximum"}


def cpu_element(plan: GuestPlan) -> etree._Element:
    """`<cpu>` of a plan. Raises UsageError `libvirt.cpu-option`."""
    arch = arch_of(plan.arch, where=f"{plan.path}, while planning it")
    model, *options = (plan.cpu or arch.cpu[plan.accelerator.name]).split(",")
    features = [_feature(option, plan) for option in options if option]
    if mode := _MODES.get(model):
        return element("cpu", *features, mode=mode, check="none")
    exact = element("model", model, fallback="forbid")
    return element("cpu", exact, *features, mode="custom", match="exact", check="none")


def _feature(option: str, plan: GuestPlan) -> etree._Element:
    name, there = feature_of(option, plan.path)
    return element("feature", policy="require" if there else "disable", name=name)
