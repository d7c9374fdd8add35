"""`nestlab.facts/1`: what the probe found, validated, since it comes from an untrusted machine."""

from ipaddress import IPv4Network
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Text = Annotated[str, StringConstraints(max_length=4096)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Cpu(_Model):
    """The first processor, and how many this machine may use."""

    vendor: Text
    model: Text
    flags: tuple[Text, ...]
    online: int = Field(ge=1)
    usable: tuple[int, ...] = Field(min_length=1, max_length=8192)


class OsRelease(_Model):
    """ID, ID_LIKE and VERSION_ID of /etc/os-release."""

    id: Text
    id_like: Text
    version_id: Text


class Clocksource(_Model):
    """/sys/devices/system/clocksource/clocksource0."""

    current: Text
    available: tuple[Text, ...]


class Memory(_Model):
    """/proc/meminfo, in bytes."""

    total: int = Field(gt=0)
    available: int = Field(ge=0)


class Dmi(_Model):
    """Who made this machine; no serial numbers."""

    sys_vendor: Text
    product_name: Text


class Kvm(_Model):
    """What happened when /dev/kvm was used.

    device     `char`, `absent`, `other` (something that is not a character device), None unknown
    open       whether it could be opened read-write; None when there was nothing to open
    api        KVM_GET_API_VERSION, 12 on every current kernel
    guest_ran  whether three instructions ran in a new VM; None when not tried
    vmx, svm   whether KVM_GET_SUPPORTED_CPUID offers them to a guest; None when not asked
    signature  the hypervisor's CPUID signature that a guest would see
    seconds    time that the whole probe took
    problem    the error that ended the probe
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

    @property
    def passes_on(self) -> bool:
        """Whether a guest ran *and* it would be offered VMX or SVM."""
        return bool(self.guest_ran and (self.vmx or self.svm))


class Facts(_Model):
    """Everything the probe reports; what it could not read is None and named in `unknown`."""

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
