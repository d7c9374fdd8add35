"""What the kernel offers: modules and their configuration, /dev/kvm, security modules."""

from typing import Literal

from pydantic import Field

from nestlab.facts.base import Part, Text


class Module(Part):
    """One kernel module: is it there, and who holds it.

    state    `loaded`, `builtin`, `available` (could be loaded), `absent`; None unknown
    users    its reference count in /proc/modules; None when it is not loaded
    used_by  modules that hold it
    """

    state: Literal["loaded", "builtin", "available", "absent"] | None
    users: int | None = None
    used_by: tuple[Text, ...] = ()


class ConfigLine(Part):
    """A line of a configuration file, with its place (`file`, 1-based `line`)."""

    file: Text
    line: int = Field(ge=1)
    text: Text


class Initramfs(Part):
    """The initial RAM file system of the running kernel.

    tool     `update-initramfs`, `dracut`, `mkinitcpio`, or None when none of them is installed
    image    its path, or None when there is none
    has_kvm  whether a KVM module is inside; None when nobody looked or it could not be read
    """

    tool: Text | None
    image: Text | None
    has_kvm: bool | None


class Lsm(Part):
    """Security modules: active ones; AppArmor on or off; SELinux' mode."""

    active: tuple[Text, ...]
    apparmor: bool | None
    selinux: Literal["enforcing", "permissive", "disabled"] | None


class Kvm(Part):
    """What happened when /dev/kvm was used.

    device     `char`, `absent`, `other` (something that is not a character device), None unknown
    open       whether it could be opened read-write; None when there was nothing to open
    api        KVM_GET_API_VERSION, 12 on every current kernel
    guest_ran  whether three instructions ran in a new VM; None when not tried
    vmx, svm   whether KVM_GET_SUPPORTED_CPUID offers them to a guest; None when not asked
    signature  the hypervisor's CPUID signature that a guest would see
    seconds    time that the whole probe took
    problem    the error that ended the probe
    mode, uid, gid, group   of the device file: permission bits, owner, group and its name
    capabilities  KVM_CHECK_EXTENSION by name without `KVM_CAP_`: `ARM_EL2`, `PPC_NESTED_HV` …
    """

    device: Literal["char", "absent", "other"] | None
    open: bool | None
    api: int | None
    guest_ran: bool | None
    vmx: bool | None
    svm: bool | None
    signature: Text | None
    seconds: float | None
    problem: Text | None
    mode: int | None = None
    uid: int | None = None
    gid: int | None = None
    group: Text | None = None
    capabilities: dict[Text, int] = Field(default_factory=dict)

    @property
    def passes_on(self) -> bool:
        """Whether a guest ran *and* it would be offered VMX or SVM."""
        return bool(self.guest_ran and (self.vmx or self.svm))
