"""`nestlab.facts/1`: what the probe found, validated, since it comes from an untrusted machine."""

from ipaddress import IPv4Network
from typing import Literal

from pydantic import Field

from nestlab.facts.base import Part, Text
from nestlab.facts.hardware import Clocksource, Cpu, Dmi, Entropy, Interface, Iommu, Memory, Paging
from nestlab.facts.kernel import ConfigLine, Initramfs, Kvm, Lsm, Module


class OsRelease(Part):
    """ID, ID_LIKE and VERSION_ID of /etc/os-release."""

    id: Text
    id_like: Text
    version_id: Text


class Outer(Part):
    """Signs of the hypervisor that this machine is a guest of; empty text: no sign.

    cpuid        signature at CPUID 0x40000000 (`KVMKVMKVM`, `Microsoft Hv`, `TCGTCGTCGTCG` …)
    detect_virt  what `systemd-detect-virt --vm` says; None when the program is not there
    hypervisor   /sys/hypervisor/type
    firmware     device tree `hypervisor/compatible`, or the control program in s390's /proc/sysinfo
    wsl          whether the kernel is that of Windows' Subsystem for Linux
    evmcs        whether the kernel said that it uses Hyper-V's enlightened VMCS; None unknown
    container    `docker`, `podman`, `lxc` …, empty when this is no container
    """

    cpuid: Text | None = None
    detect_virt: Text | None = None
    hypervisor: Text = ""
    firmware: Text = ""
    wsl: bool = False
    evmcs: bool | None = None
    container: Text = ""


class User(Part):
    """Who ran the probe: numbers only."""

    uid: int
    gids: tuple[int, ...]


class Holder(Part):
    """A process that has /dev/kvm open; `guest` is the name in QEMU's -name, if it has one."""

    pid: int
    name: Text
    guest: Text | None = None


class Facts(Part):
    """Everything the probe reports; what it could not read is None and named in `unknown`.

    kernel_build     `uname -v`, where distributions put their package's version
    cmdline          the words of the kernel command line that concern nesting, no others
    vulnerabilities  /sys/devices/system/cpu/vulnerabilities, name -> the kernel's words
    feature_control  MSR 0x3a (IA32_FEATURE_CONTROL): bit 0 locked, bit 2 VMX outside SMX
    kernel_log       the lines of dmesg that concern nesting, no others
    modules          those that this product cares about
    parameters       module -> parameter -> value as the kernel prints it
    modprobe         the lines of modprobe.d about KVM's modules, in the order that modprobe obeys
    tools            program -> version, empty text when it did not say
    """

    schema_: Literal["nestlab.facts/1"] = Field(alias="schema")
    kernel: Text | None = None
    arch: Text | None = None
    cpu: Cpu | None = None
    os_release: OsRelease | None = None
    clocksource: Clocksource | None = None
    memory: Memory | None = None
    routes: tuple[IPv4Network, ...] | None = Field(default=None, max_length=65536)
    nested: dict[Text, Text] | None = None
    dmi: Dmi | None = None
    queues: dict[Text, tuple[Text, ...]] | None = None
    kvm: Kvm | None = None
    load: tuple[float, float, float] | None = None
    kernel_build: Text | None = None
    cmdline: tuple[Text, ...] | None = None
    vulnerabilities: dict[Text, Text] | None = None
    feature_control: int | None = None
    kernel_log: tuple[Text, ...] | None = None
    modules: dict[Text, Module] | None = None
    parameters: dict[Text, dict[Text, Text]] | None = None
    modprobe: tuple[ConfigLine, ...] | None = None
    initramfs: Initramfs | None = None
    outer: Outer | None = None
    user: User | None = None
    paging: Paging | None = None
    iommu: Iommu | None = None
    interfaces: tuple[Interface, ...] | None = None
    entropy: Entropy | None = None
    lsm: Lsm | None = None
    tools: dict[Text, Text] | None = None
    holders: tuple[Holder, ...] | None = None
    unknown: dict[Text, Text]

    @property
    def nested_module(self) -> str | None:
        """The KVM module that has the parameter `nested`, such as `kvm_amd`."""
        return next(iter(self.nested or {}), None)

    @property
    def nested_on(self) -> bool | None:
        """`nested`, whether the kernel prints it as a bool (Y/N) or an int (1/0)."""
        values = list((self.nested or {}).values())
        return values[0] in {"Y", "y", "1"} if values else None
