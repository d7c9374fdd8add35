"""The CPU of a domain, from QEMU's spelling of it (pure).

Source: libvirt docs/formatdomain, "CPU model and topology": `host-passthrough` is QEMU's `-cpu
host`, `maximum` its `-cpu max` (libvirt 7.1), and a feature is only guaranteed by `require`.
"""

from lxml import etree

from nestlab.errors import UsageError
from nestlab.hypervisor.libvirt.element import element
from nestlab.hypervisor.plan import GuestPlan
from nestlab.hypervisor.qemu.arch import arch_of

_MODES = {"host": "host-passthrough", "max": "maximum"}
_ON, _OFF = frozenset({"on", "yes", "true"}), frozenset({"off", "no", "false"})


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
    """`svm=on`, `+svm` and `svm` require it, `svm=off` and `-svm` disable it."""
    name, given, value = option.partition("=")
    if not given and name[:1] in {"+", "-"}:
        name, value = name[1:], "off" if name[0] == "-" else "on"
    elif not given:
        value = "on"
    if not name or value not in _ON | _OFF:
        raise UsageError(
            "libvirt.cpu-option",
            f"{plan.path}: `{option}` of cpu is no feature that libvirt can switch on or off",
            hint="write features as `svm=on` or `svm=off`, or use `hypervisor: qemu`",
        )
    return element("feature", policy="require" if value in _ON else "disable", name=name)
