"""What a machine is made of, as far as nesting depends on it."""

from pydantic import Field

from nestlab.facts.base import Part, Text


class Cpu(Part):
    """The first processor, and how many this machine may use.

    flags      those of /proc/cpuinfo that decide about nesting, not all
    vmx_flags  its line `vmx flags` (Linux 5.9 and later, Intel)
    """

    vendor: Text
    model: Text
    flags: tuple[Text, ...]
    vmx_flags: tuple[Text, ...] = ()
    online: int = Field(ge=1)
    usable: tuple[int, ...] = Field(min_length=1, max_length=8192)


class Memory(Part):
    """/proc/meminfo, in bytes."""

    total: int = Field(gt=0)
    available: int = Field(ge=0)


class Dmi(Part):
    """Who made this machine; no serial numbers."""

    sys_vendor: Text
    product_name: Text
    bios_vendor: Text = ""
    board_vendor: Text = ""
    azure: bool = False


class Clocksource(Part):
    """/sys/devices/system/clocksource/clocksource0."""

    current: Text
    available: tuple[Text, ...]


class HugePages(Part):
    """Pages of one size: how many there are and how many are free."""

    total: int = Field(ge=0)
    free: int = Field(ge=0)


class Paging(Part):
    """Huge pages by size in KiB, THP's chosen mode, and whether KSM runs."""

    hugepages: dict[int, HugePages]
    thp: Text | None
    ksm: bool | None


class Device(Part):
    """A PCI device of an IOMMU group: `0000:01:00.0`, class and ids as in sysfs, bound driver."""

    address: Text
    klass: Text
    vendor: Text
    device: Text
    driver: Text | None


class Iommu(Part):
    """What /sys/class/iommu and /sys/kernel/iommu_groups show."""

    units: tuple[Text, ...]
    groups: dict[Text, tuple[Device, ...]]


class Interface(Part):
    """A network interface: MTU in bytes, and whether the default IPv4 route leaves by it."""

    name: Text
    mtu: int
    default: bool


class Entropy(Part):
    """Bits in the kernel's pool, and the hardware generator that feeds it (empty: none)."""

    available: int
    rng: Text
