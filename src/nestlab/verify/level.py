"""One level's proof: what was seen, and the first link that is broken (pure)."""

from dataclasses import dataclass

from nestlab.errors import MachineError, NestlabError
from nestlab.facts.model import Facts
from nestlab.hypervisor.accelerator import Accelerator, broken_link
from nestlab.verify.lscpu import Lscpu


@dataclass(frozen=True)
class Evidence:
    """Everything that was asked about one machine.

    runs_on      the accelerator that runs it; None for the host
    kvm_enabled  `query-kvm` of its QEMU; None for the host
    hosts        whether it has to run guests under KVM itself
    """

    path: str
    facts: Facts
    lscpu: Lscpu
    runs_on: Accelerator | None
    kvm_enabled: bool | None
    hosts: bool


@dataclass(frozen=True)
class Verdict:
    """One line for people, and the first broken link or None."""

    path: str
    line: str
    broken: NestlabError | None


def judge(evidence: Evidence) -> Verdict:
    """Walk the links in the order in which they depend on each other."""
    broken: NestlabError | None = _guest_link(evidence)
    if broken is None and evidence.hosts:
        broken = broken_link(evidence.facts, path=evidence.path)
    return Verdict(evidence.path, _line(evidence), broken)


def _guest_link(evidence: Evidence) -> MachineError | None:
    """Is a KVM guest really one: by QEMU's word, then by its own CPU's."""
    if evidence.runs_on is None or evidence.runs_on.name != "kvm":
        return None
    path, lscpu = evidence.path, evidence.lscpu
    if not evidence.kvm_enabled:
        return _broken("verify.not-kvm", path, "QMP query-kvm says that KVM is not enabled")
    if lscpu.hypervisor_vendor != "KVM":
        vendor = lscpu.hypervisor_vendor or "none"
        return _broken(
            "verify.vendor", path, f"lscpu names the hypervisor vendor {vendor}, not KVM"
        )
    if lscpu.type != "full":
        return _broken("verify.type", path, f"lscpu says virtualization type {lscpu.type}")
    return None


def _broken(code: str, path: str, seen: str) -> MachineError:
    return MachineError(
        code,
        f"{path} was started with KVM, but {seen}",
        where=f"{path}, while verifying it",
        hint="read the QEMU log in the run folder",
    )


def _line(evidence: Evidence) -> str:
    facts, lscpu = evidence.facts, evidence.lscpu
    kvm = facts.kvm
    parts = [_how(evidence)]
    if lscpu.virtualization:
        parts.append(lscpu.virtualization)
    for module, value in (facts.nested or {}).items():
        parts.append(f"{module}.nested={value}")
    if kvm is None or kvm.device is None:
        parts.append("/dev/kvm could not be probed")
    elif kvm.device == "other":
        parts.append("/dev/kvm is not a device")
    elif kvm.device == "absent":
        parts.append("no /dev/kvm")
    elif kvm.guest_ran:
        offered = " and ".join(
            name for name, there in (("VMX", kvm.vmx), ("SVM", kvm.svm)) if there
        )
        parts.append(f"/dev/kvm ran a guest, offers it {offered or 'neither VMX nor SVM'}")
    else:
        parts.append(f"/dev/kvm runs no guest: {kvm.problem}")
    return " · ".join(parts)


def _how(evidence: Evidence) -> str:
    if evidence.runs_on is None:
        return "the host"
    if evidence.runs_on.emulated:
        return "emulated by TCG"
    lscpu = evidence.lscpu
    return f"KVM guest (query-kvm: enabled; {lscpu.hypervisor_vendor}, {lscpu.type})"
