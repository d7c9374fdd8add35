"""The domain of a plan: what libvirt starts QEMU by (pure; golden tests in tests/golden).

Source: libvirt docs/formatdomain. It is transient, so that nothing of it is left when its QEMU
ends, and its name is the plan's identity, which QEMU carries in its command line.
"""

from collections.abc import Iterator

from lxml import etree

from nestlab.errors import HostError
from nestlab.hypervisor.libvirt.cpu import cpu_element
from nestlab.hypervisor.libvirt.disks import disk_elements
from nestlab.hypervisor.libvirt.element import element
from nestlab.hypervisor.libvirt.names import NAMESPACE, PREFIX
from nestlab.hypervisor.libvirt.offered import must_be_startable
from nestlab.hypervisor.plan import GuestPlan
from nestlab.hypervisor.qemu.argv import kernel_command_line
from nestlab.hypervisor.qemu.files import Files

_MACHINE = {"x86_64": "q35", "aarch64": "virt"}
_ROOT_SLOTS = range(1, 31)
"""Of the root bus; 0 is the bridge and 31 the chip set. What is beyond them gets ports."""
_TRANSLATED = 1024
"""MiB for translated code, as with the QEMU back end."""


def domain_xml(plan: GuestPlan, *, firmware: str | None, owner: str | None) -> bytes:
    """The XML of a plan whose kernel and initrd, if it has them, are in its folder.

    firmware  file of its firmware; None: libvirt's default
    owner     `+0:+0`, whom QEMU shall run as; None: as whom libvirtd runs it, a session's own user

    QEMU runs as the lab's owner, so that the lab's files need not be opened to another user
    (libvirt docs/formatdomain, "Security label").

    Raises HostError `image.no-initrd`; UsageError `libvirt.*`.
    """
    must_be_startable(plan)
    domain = element(
        "domain",
        element("name", plan.identity),
        _whose(plan),
        element("memory", str(plan.memory // 1024), unit="KiB"),
        element("vcpu", str(plan.vcpus)),
        _os(plan, firmware),
        _features(plan),
        cpu_element(plan),
        element("on_poweroff", "destroy"),
        element("on_reboot", "destroy"),
        element("on_crash", "destroy"),
        _devices(plan),
        type="kvm" if plan.accelerator.name == "kvm" else "qemu",
    )
    if owner:
        label = element(
            "seclabel", element("label", owner), type="static", model="dac", relabel="no"
        )
        domain.append(label)
    return etree.tostring(domain, pretty_print=True, xml_declaration=True, encoding="utf-8")


def _whose(plan: GuestPlan) -> etree._Element:
    tag, names = f"{{{NAMESPACE}}}lab", {PREFIX: NAMESPACE}
    ours = etree.Element(tag, nsmap=names, id=plan.lab, path=plan.path)
    return element("metadata", ours)


def _os(plan: GuestPlan, firmware: str | None) -> etree._Element:
    kind = element("type", "hvm", arch=plan.arch, machine=_MACHINE[plan.arch])
    return element(
        "os", kind, *([element("loader", firmware, type="rom")] if firmware else []), *_kernel(plan)
    )


def _kernel(plan: GuestPlan) -> Iterator[etree._Element]:
    if plan.image.kernel is None:
        return
    if plan.image.initrd is None:
        raise HostError(
            "image.no-initrd",
            f"the image of {plan.path} has no initrd with drivers for disks on virtio",
            where=f"{plan.path}, while planning it",
            hint="use an image that nestlab builds, or `hypervisor: qemu`",
        )
    yield element("kernel", Files(plan).kernel)
    yield element("initrd", Files(plan).initrd)
    yield element("cmdline", kernel_command_line(plan))


def _features(plan: GuestPlan) -> etree._Element:
    features = element(
        "features", element("acpi"), *([element("apic")] if plan.arch == "x86_64" else [])
    )
    if plan.arch == "aarch64":
        features.append(element("gic", version="3"))
    if plan.accelerator.emulated:
        cache = element("tb-cache", str(_TRANSLATED), unit="MiB")
        features.append(element("tcg", cache))
    return features


def _devices(plan: GuestPlan) -> etree._Element:
    on_pci = [
        *disk_elements(plan),
        _way_out(plan),
        *(_port(plan, number) for number in range(len(plan.ports))),
        element("rng", element("backend", "/dev/urandom", model="random"), model="virtio"),
    ]
    # By itself libvirt gives each a port of its own, to be unplugged from. A nested guest looks at
    # every port by exits to its parent, and to the parent's.
    for slot, device in zip(_ROOT_SLOTS, on_pci, strict=False):
        place = {"domain": "0", "bus": "0", "slot": str(slot), "function": "0"}
        device.append(element("address", type="pci", **place))
    return element(
        "devices",
        *on_pci,
        _console(plan),
        element("controller", type="usb", model="none"),
        element("memballoon", model="none"),
    )


def _way_out(plan: GuestPlan) -> etree._Element:
    """QEMU's user-mode NAT: the same addresses with every back end, and without privileges.

    libvirt sets no MTU on it; the guest does, by its seed.
    """
    subnet = plan.network.subnet
    address = element(
        "ip", family="ipv4", address=str(subnet.network_address), prefix=str(subnet.prefixlen)
    )
    return element("interface", address, *_card(None), type="user")


def _port(plan: GuestPlan, number: int) -> etree._Element:
    port = plan.ports[number]
    source = element("source", bridge=port.uplink)
    return element(
        "interface", element("mac", address=port.mac), source, *_card(port.lan.mtu), type="bridge"
    )


def _card(mtu: int | None) -> Iterator[etree._Element]:
    yield element("model", type="virtio")
    if mtu is not None:
        yield element("mtu", size=str(mtu))
    yield element("rom", enabled="no")


def _console(plan: GuestPlan) -> etree._Element:
    files = Files(plan)
    return element(
        "serial",
        element("source", mode="bind", path=files.console),
        element("log", file=files.console_log, append="on"),
        element("target", port="0"),
        type="unix",
    )
