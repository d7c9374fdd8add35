"""How a domain gets its CPU, and whether its guest can be a hypervisor.

Sources: libvirt, "Domain XML format", CPU model and topology (modes, `match`, policies); QEMU,
target/i386/kvm/kvm-cpu.c (KVM switches `svm` off in every named model; no named model has `vmx`).
QEMU's TCG emulates `svm` and not `vmx`, and libvirt takes host-passthrough for KVM only.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

from nestlab.domain import failures
from nestlab.domain.command_line import Override, find_override
from nestlab.domain.domain import Domain

Extension = Literal["svm", "vmx"]
"""AMD's and Intel's virtualization extensions, by the names of the CPU's flags."""
EXTENSIONS: Final[tuple[Extension, ...]] = ("svm", "vmx")
MODES: Final = frozenset({"custom", "host-model", "host-passthrough", "maximum"})
POLICIES: Final = ("require", "force", "optional", "disable", "forbid")
"""Of a feature, from the one that promises most to the one that promises least."""
WHOLE: Final = frozenset({"host-passthrough", "maximum"})
"""Modes that give what there is."""

_AMD: Final = ("EPYC", "Opteron", "phenom", "athlon", "Dhyana", "qemu64")
"""Beginnings of QEMU's models whose vendor is AMD, or Hygon."""


class Offer(StrEnum):
    """Whether a guest gets the extensions of a host that has them."""

    YES = "yes"
    NO = "no"
    HOST = "left to the host"


@dataclass(frozen=True)
class Cpu:
    """How a domain gets its CPU.

    mode      one of `MODES`; None: QEMU's default, for there is no <cpu> or it has no model
    model     of custom, such as `Haswell-noTSX-IBRS`
    match     `exact`, `minimum`, `strict` or None
    features  name -> policy, in order
    override  `-cpu` of `qemu:commandline`, which wins over all of that
    emulated  whether QEMU emulates the CPU
    """

    mode: str | None = None
    model: str | None = None
    match: str | None = None
    features: tuple[tuple[str, str], ...] = ()
    override: Override | None = None
    emulated: bool = False

    def policy(self, feature: str) -> str | None:
        """The policy of a feature, of several the one that promises least; None: not mentioned.

        libvirt refuses a feature that is there twice; a file may have it all the same.
        """
        found = [policy for name, policy in self.features if name == feature]
        return max(found, key=POLICIES.index, default=None)

    def offer(self, extension: Extension | None) -> Offer:
        """Whether the guest gets this extension; None: whichever the host has."""
        if extension is None and self.emulated:
            extension = "svm"
        if extension is not None:
            return self._overridden(extension) if self.override else self._offer(extension)
        each = {self.offer(one) for one in EXTENSIONS}
        # The whole CPU without one of them may be without the host's; one by name is the host's.
        order = (Offer.NO, Offer.HOST, Offer.YES)
        return next(one for one in (order if self._gives_whole else order[::-1]) if one in each)

    @property
    def _gives_whole(self) -> bool:
        return self.override.model in {"host", "max"} if self.override else self.mode in WHOLE

    def _offer(self, extension: Extension) -> Offer:
        policy = self.policy(extension)
        if policy in {"disable", "forbid"} or (self.emulated and self._not_emulated(extension)):
            return Offer.NO
        if policy == "require" or (policy is None and self.mode in WHOLE):
            return Offer.YES
        left = self.emulated or self.match == "minimum" or self.mode == "host-model"
        return Offer.HOST if left or policy is not None else Offer.NO

    def _not_emulated(self, extension: Extension) -> bool:
        """Whether emulation cannot give the extension, or the guest could not use it.

        KVM gives every model the host's vendor, without which the guest's module does not load;
        TCG gives it the model's own.
        """
        alien = self.mode == "custom" and not self._is_amd
        return extension == "vmx" or self.mode == "host-passthrough" or alien

    def _overridden(self, extension: Extension) -> Offer:
        said = self.override.switch(extension) if self.override else None
        if said is False or (self.emulated and extension == "vmx"):
            return Offer.NO
        if self.emulated:
            whole = self.override is not None and self.override.model == "max"
            return Offer.YES if whole or (said and self._is_amd) else Offer.HOST
        return Offer.YES if said or self._gives_whole else Offer.NO

    @property
    def _is_amd(self) -> bool:
        model = self.override.model if self.override else self.model
        return model is not None and model.startswith(_AMD)

    def __str__(self) -> str:
        if self.override:
            return f"-cpu {self.override} on QEMU's command line"
        base = {None: "QEMU's default", "custom": self.model or "custom"}.get(self.mode, self.mode)
        notable = [f"{name} {policy}" for name, policy in self.features if name in EXTENSIONS]
        return ", ".join((str(base), *notable))


def read_cpu(domain: Domain) -> Cpu:
    """How the domain gets its CPU.

    Raises UsageError `domain.wrong` (file, line): a mode, or a policy, that libvirt does not have.
    """
    found = find_override(domain)
    override = found[1] if found else None
    element = domain.only_child("cpu")
    if element is None:
        return Cpu(override=override, emulated=domain.emulated)
    document = domain.document
    model = (element.findtext("model") or "").strip() or None
    mode = element.get("mode") or ("custom" if model else None)
    if mode not in {None, *MODES}:
        message = f"libvirt has no CPU mode {mode!r}"
        raise failures.wrong(document.name, document.line(element), message)
    features = []
    for each in element.findall("feature"):
        name, policy = each.get("name"), each.get("policy", "require")
        if not name or policy not in POLICIES:
            message = f"a CPU feature {name or 'without a name'} with policy {policy!r}"
            raise failures.wrong(document.name, document.line(each), message)
        features.append((name, policy))
    return Cpu(mode, model, element.get("match"), tuple(features), override, domain.emulated)
