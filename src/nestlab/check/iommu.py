"""The IOMMU: on or off, and which devices could be passed through."""

from nestlab.check.hypervisors import recognise
from nestlab.check.remedy import kernel_word
from nestlab.check.rule import Rule, Seen, rule
from nestlab.facts.hardware import Device
from nestlab.facts.model import Facts

_VFIO = "Linux Documentation/driver-api/vfio.rst"
_SHOWN = 5


@rule(
    "iommu.off",
    meaning="The kernel uses no IOMMU.",
    why="Without it no device can be passed through, the fastest storage for a deep guest.",
    remedy="Switch VT-d or AMD-Vi on in the firmware; Intel: intel_iommu=on as well.",
    source=f"{_VFIO}; Linux Documentation/admin-guide/kernel-parameters.txt: intel_iommu",
)
def off(facts: Facts) -> Seen | None:
    """/sys/class/iommu is empty."""
    if facts.iommu is None:
        return None
    if facts.iommu.units:
        return Seen("ok", f"the kernel uses an IOMMU ({', '.join(facts.iommu.units[:_SHOWN])})")
    return Seen("info", "the kernel uses no IOMMU: devices cannot be passed through", _how(facts))


def _how(facts: Facts) -> str:
    vendor = facts.cpu.vendor if facts.cpu else ""
    if recognise(facts):
        step = (
            "give this guest one: QEMU `-machine q35,kernel-irqchip=split -device"
            " intel-iommu,intremap=on,caching-mode=on`"
        )
        return f"{step}; then {kernel_word(facts, 'intel_iommu=on')}"
    if vendor == "GenuineIntel":
        return f"switch VT-d on in the firmware; then {kernel_word(facts, 'intel_iommu=on')}"
    if vendor == "AuthenticAMD":
        return "switch IOMMU (AMD-Vi) on in the firmware; the kernel then uses it by itself"
    return "switch the IOMMU on in the firmware"


@rule(
    "iommu.groups",
    meaning="Which devices are alone in their IOMMU group.",
    why="Only a whole group can be passed through: a device that is alone in its own can go alone.",
    remedy="Put the card into another slot where none is alone.",
    source=f"{_VFIO}: IOMMU groups",
)
def groups(facts: Facts) -> Seen | None:
    """PCI-to-PCI bridges (class 0x0604) stay with the host and do not count."""
    if facts.iommu is None or not facts.iommu.groups:
        return None
    alone = sorted(passable(facts), key=lambda device: device.address)
    if not alone:
        return Seen("info", "no device is alone in its IOMMU group", "try another slot")
    names = ", ".join(_name(device) for device in alone[:_SHOWN])
    more = f" and {len(alone) - _SHOWN} more" if len(alone) > _SHOWN else ""
    return Seen("ok", f"could be passed through: {names}{more}")


def passable(facts: Facts) -> list[Device]:
    """Devices that could be passed through alone; bridges of any kind (class 0x06) never."""
    found = []
    for members in facts.iommu.groups.values() if facts.iommu else ():
        rest = [each for each in members if not each.klass.lower().startswith("0x0604")]
        if len(rest) == 1 and not rest[0].klass.lower().startswith("0x06"):
            found.append(rest[0])
    return found


def _name(device: Device) -> str:
    numbers = f"{device.vendor.removeprefix('0x')}:{device.device.removeprefix('0x')}"
    return f"{device.address} ({numbers}{f', {device.driver}' if device.driver else ''})"


RULES: tuple[Rule, ...] = (off, groups)
