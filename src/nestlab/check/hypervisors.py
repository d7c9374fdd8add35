"""Hypervisors that this machine may be a guest of, and the switch of each (a table, pure).

As documented in November 2026. It is a hint for people: what a guest is really offered is for the
probe to say.
"""

from dataclasses import dataclass

from nestlab.facts.model import Facts


@dataclass(frozen=True)
class Hypervisor:
    """One kind of host.

    switch    what has to be done on it so that its guests get the extensions
    vendors   beginnings of DMI's system vendor
    products  beginnings of DMI's product name; empty: any product of the vendor
    cpuid     signatures at CPUID 0x40000000
    virt      answers of `systemd-detect-virt --vm`
    firmware  parts of the device tree's or /proc/sysinfo's word
    source    where the switch is documented
    """

    name: str
    switch: str
    source: str
    vendors: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    cpuid: tuple[str, ...] = ()
    virt: tuple[str, ...] = ()
    firmware: tuple[str, ...] = ()


_KVM_SWITCH = (
    "give this guest the CPU of its host (`-cpu host`; libvirt: `<cpu mode='host-passthrough'/>`)"
    " and switch `nested` on there"
)

WSL = Hypervisor(
    "WSL2",
    "put `nestedVirtualization=true` under `[wsl2]` in %UserProfile%\\.wslconfig, then"
    " `wsl --shutdown`; it takes Windows 11",
    "learn.microsoft.com/windows/wsl/wsl-config",
)
AZURE = Hypervisor(
    "Azure",
    "take a size that can nest: Dv3, Ev3 and later, with the security type Standard",
    "learn.microsoft.com/azure/virtual-machines (sizes, nested virtualization)",
)
TCG = Hypervisor(
    "QEMU (TCG)",
    "start it with a CPU that has SVM (`-cpu max,svm=on`), on Arm with"
    " `-machine virtualization=on`, on POWER with `cap-nested-hv=on`",
    "QEMU documentation, system emulation",
    cpuid=("TCGTCGTCGTCG",),
    virt=("qemu",),
)
XEN_TYPE = Hypervisor(
    "Xen",
    "put `nestedhvm=1` and `hap=1` into the guest's configuration",
    "wiki.xenproject.org/wiki/Nested_Virtualization_in_Xen",
    vendors=("Xen",),
    cpuid=("XenVMMXenVMM",),
    virt=("xen",),
    firmware=("xen,",),
)

# Clouds before what they run on, so that the more exact name is found first.
TABLE: tuple[Hypervisor, ...] = (
    Hypervisor(
        "Google Compute Engine",
        "create the instance with `--enable-nested-virtualization`, on an Intel machine type"
        " other than E2",
        "cloud.google.com/compute/docs/instances/nested-virtualization/overview",
        vendors=("Google",),
        products=("Google",),
        virt=("google",),
    ),
    Hypervisor(
        "AWS EC2",
        "take c8i, m8i or r8i and start it with"
        " `--cpu-options NestedVirtualization=enabled`, or take a `.metal` type",
        "docs.aws.amazon.com/AWSEC2/latest/UserGuide/amazon-ec2-nested-virtualization.html",
        vendors=("Amazon EC2",),
        virt=("amazon",),
    ),
    Hypervisor(
        "OpenStack",
        "on the compute node set `cpu_mode = host-passthrough` in [libvirt] of nova.conf and"
        " switch `nested` on",
        "docs.openstack.org/nova (CPU models); DevStack's guide to nested KVM",
        vendors=("OpenStack Foundation", "RDO"),
        products=("OpenStack",),
    ),
    Hypervisor(
        "VMware",
        'put `vhv.enable = "TRUE"` into the .vmx file (vSphere: expose hardware assisted'
        " virtualization to the guest)",
        "VMware vSphere: Expose VMware Hardware Assisted Virtualization",
        vendors=("VMware",),
        cpuid=("VMwareVMware",),
        virt=("vmware",),
        firmware=("vmware",),
    ),
    Hypervisor(
        "VirtualBox",
        "with the guest off: `VBoxManage modifyvm NAME --nested-hw-virt on`",
        "VirtualBox manual, 9.37 Nested Virtualization",
        vendors=("innotek GmbH",),
        products=("VirtualBox",),
        cpuid=("VBoxVBoxVBox",),
        virt=("oracle",),
    ),
    Hypervisor(
        "Hyper-V",
        "with the guest off: `Set-VMProcessor -VMName NAME -ExposeVirtualizationExtensions $true`",
        "learn.microsoft.com/virtualization/hyper-v-on-windows/user-guide/nested-virtualization",
        vendors=("Microsoft Corporation",),
        products=("Virtual Machine",),
        cpuid=("Microsoft Hv",),
        virt=("microsoft",),
    ),
    Hypervisor(
        "Parallels",
        "`prlctl set NAME --nested-virt on` (Intel Macs; Pro edition)",
        "Parallels Desktop user's guide, nested virtualization",
        vendors=("Parallels",),
        cpuid=("prl hyperv",),
        virt=("parallels",),
    ),
    Hypervisor(
        "Apple Virtualization",
        "an M3 or later with macOS 15 and nested virtualization on in the program that made"
        " this guest; some then give EL2 to it, but not to its guests",
        "developer.apple.com VZGenericPlatformConfiguration; lima issue 4498",
        vendors=("Apple Inc.",),
        products=("Apple Virtualization",),
        virt=("apple",),
    ),
    Hypervisor(
        "bhyve",
        "bhyve does not pass the extensions on; move this guest to another host",
        "bhyve(8)",
        vendors=("BHYVE", "FreeBSD"),
        cpuid=("bhyve bhyve",),
        virt=("bhyve",),
    ),
    XEN_TYPE,
    Hypervisor(
        "z/VM",
        "z/VM lets guests use SIE; KVM's `nested` matters only for deeper guests",
        "IBM z/VM: Running Guest Operating Systems",
        virt=("zvm",),
        firmware=("z/VM",),
    ),
    Hypervisor(
        "PowerVM",
        "let the partition host KVM: Power10, firmware FW1060.10 or later, and the partition's"
        " KVM capability on",
        "IBM: KVM in a PowerVM LPAR",
        virt=("powervm",),
        firmware=("phyp", "PowerVM"),
    ),
    TCG,
    Hypervisor(
        "KVM",
        _KVM_SWITCH,
        "Linux Documentation/virt/kvm/x86/running-nested-guests.rst",
        vendors=("QEMU", "Red Hat"),
        cpuid=("KVMKVMKVM",),
        virt=("kvm",),
        firmware=("linux,kvm", "KVM/Linux"),
    ),
)


def recognise(facts: Facts) -> Hypervisor | None:
    """The host of this machine, if there are signs of one; the most exact name wins.

    DMI and CPUID are asked before `systemd-detect-virt`, which says `kvm` for many clouds.
    """
    outer = facts.outer
    if outer and outer.wsl:
        return WSL
    if facts.dmi and facts.dmi.azure:
        return AZURE
    if is_metal(facts):
        return None
    for sees in (_by_dmi, _by_signature):
        for each in TABLE:
            if sees(each, facts):
                return each
    return XEN_TYPE if outer and outer.hypervisor == "xen" else None


def is_metal(facts: Facts) -> bool:
    """Whether it is a machine that a cloud rents out as a whole: `m5.metal`, `c7g.metal-24xl`."""
    return bool(facts.dmi and ".metal" in facts.dmi.product_name)


def _by_dmi(each: Hypervisor, facts: Facts) -> bool:
    dmi = facts.dmi
    if dmi is None or not each.vendors or not dmi.sys_vendor.startswith(each.vendors):
        return False
    # TCG and KVM have QEMU's DMI alike; other signs tell them apart
    if dmi.sys_vendor.startswith("QEMU") and _by_signature(TCG, facts):
        return False
    return not each.products or dmi.product_name.startswith(each.products)


def _by_signature(each: Hypervisor, facts: Facts) -> bool:
    outer = facts.outer
    if outer is None:
        return False
    cpuid = (outer.cpuid or "").strip("\0 ")
    return bool(
        (each.cpuid and cpuid.startswith(each.cpuid))
        or outer.detect_virt in each.virt
        or any(word in outer.firmware for word in each.firmware)
    )
