"""What the machine is made of: firmware, block devices, IOMMUs and what is behind them."""

import os

from nestlab.facts.probe.report import UntoldError
from nestlab.facts.probe.source import Source

# Microsoft documents this asset tag as the sign of a virtual machine in Azure
AZURE = "7783-7084-3265-9085-8269-3286-77"


def dmi(source: "Source") -> "dict[str, object]":
    """Vendor and product names; no serial numbers."""
    base = "/sys/class/dmi/id/"
    names = source.names(base)
    if "sys_vendor" not in names and "product_name" not in names:
        raise UntoldError("the firmware tells neither vendor nor product")
    keys = ("sys_vendor", "product_name", "bios_vendor", "board_vendor")
    found = {key: source.setting_or(base + key, "") for key in keys}  # type: dict[str, object]
    found["azure"] = source.setting_or(base + "chassis_asset_tag", "") == AZURE
    return found


def queues(source: "Source") -> "dict[str, list[str]]":
    """Block device -> the CPU lists of its hardware queues (/sys/block/X/mq/N/cpu_list)."""
    devices = {}  # type: dict[str, list[str]]
    for device in source.names("/sys/block"):
        base = "/sys/block/%s/mq" % device
        for number in sorted(source.names_or_none(base)):
            cpus = source.setting_or("%s/%s/cpu_list" % (base, number), None)
            if cpus is not None:
                devices.setdefault(device, []).append(cpus)
    return devices


def iommu(source: "Source") -> "dict[str, object]":
    """IOMMUs, and the PCI devices of each group; at most 512 devices in all."""
    groups = {}  # type: dict[str, list[dict[str, object]]]
    # a kernel without IOMMUs has no such folders, a copy may have lost them
    names = source.names if source.offline else source.names_or_none
    units = names("/sys/class/iommu")
    base = "/sys/kernel/iommu_groups"
    left = 512
    for number in sorted(names(base), key=lambda name: (len(name), name)):
        folder = "%s/%s/devices" % (base, number)
        addresses = source.names_or_none(folder)[:left]
        left -= len(addresses)
        if addresses:
            groups[number] = [pci(source, folder, address) for address in addresses]
    return {"units": units, "groups": groups}


def pci(source: "Source", folder: "str", address: "str") -> "dict[str, object]":
    """One device of a group; those of other buses have none of these files."""
    base = "%s/%s/" % (folder, address)
    try:
        driver = os.path.basename(os.readlink(source.resolve(base) + "/driver"))  # type: str | None
    except OSError:
        driver = None
    return {
        "address": address,
        "klass": source.setting_or(base + "class", ""),
        "vendor": source.setting_or(base + "vendor", ""),
        "device": source.setting_or(base + "device", ""),
        "driver": driver,
    }
