"""The verdict about one machine: `nestlab.doctor/1` (pure)."""

from dataclasses import asdict, dataclass
from typing import Any

from nestlab.check.catalogue import ALL
from nestlab.check.chain import first_broken
from nestlab.check.links import family, is_software, may_open, offers, on_paper, runs_on_paper
from nestlab.check.outer import is_emulated
from nestlab.check.rule import Finding, apply
from nestlab.check.tools import qemu
from nestlab.check.versions import version
from nestlab.errors import NestlabError
from nestlab.facts.model import Facts

_ORDER = {"error": 0, "warning": 1, "info": 2, "ok": 3}

# Guest levels that nestlab or others have seen to work; no architecture fixes a limit.
# x86: L1, L2 and L3, by nestlab. Arm: KVM gives its guests EL2, but not FEAT_NV2, so that a guest
# cannot give EL2 on (arch/arm64/kvm/nested.c). s390x: VSIE shadows one level
# (arch/s390/kvm/vsie.c). POWER: the L0 hypervisor serves L1, which keeps L2's state
# (Documentation/arch/powerpc/kvm-nested.rst).
_DEPTH = {"x86": 3, "arm": 2, "s390x": 2, "power": 2}

# Architectures whose virtualization extension TCG emulates: SVM, EL2, nested HV. It has no SIE.
_EMULATED_DEPTH = {"x86_64": 3, "aarch64": 2, "ppc64le": 2}


@dataclass(frozen=True)
class Verdict:
    """What `doctor` says of one machine.

    ready          a guest of this machine would get VMX, SVM or the like
    proved         a guest was run here
    emulated_only  not ready, but TCG can emulate the extension that KVM does not offer here. Not
                   where only `nested` is off: that is a switch, no lack
    max_depth      number of guest levels that will work as things are, None when unknown
    verdict        one sentence
    broken_link    code of the first failing check, None when none fails
    findings       by severity, then in the order of the catalogue
    """

    ready: bool
    proved: bool
    emulated_only: bool
    max_depth: int | None
    verdict: str
    broken_link: str | None
    findings: tuple[Finding, ...]

    def as_json(self) -> dict[str, Any]:
        """The fields of `nestlab.doctor/1` without `target` and `facts`, which the asker has."""
        return {**asdict(self), "findings": [asdict(each) for each in self.findings]}


def judge(facts: Facts) -> Verdict:
    """Apply every rule, and say what it comes to.

    KVM's own word decides where it was asked. Where it was not, as in an offline copy, a machine
    is ready when its files say yes to every link, and nothing is proved.
    """
    findings = examine(facts)
    broken = first_broken(findings)
    said = offers(facts)
    ready = broken is None and (said is True or (said is None and on_paper(facts) is True))
    emulated = not ready and can_emulate(facts) and not _switchable(broken)
    return Verdict(
        ready=ready,
        proved=facts.kvm is not None and facts.kvm.guest_ran is True,
        emulated_only=emulated,
        max_depth=_depth(facts, ready, emulated, broken),
        verdict=_sentence(facts, ready, emulated, broken, findings),
        broken_link=broken.code if broken else None,
        findings=findings,
    )


def unreached(problem: NestlabError) -> Verdict:
    """The verdict about a machine that gave no facts."""
    finding = Finding(
        code=problem.code,
        severity="error",
        what=problem.message,
        why="Nothing is known about this machine.",
        remedy=problem.hint or "",
        source="nestlab",
    )
    said = f"not ready: it could not be asked: {problem.message}"
    return Verdict(False, False, False, None, said, problem.code, (finding,))


def examine(facts: Facts) -> tuple[Finding, ...]:
    """What every rule found, sorted by severity and then in the catalogue's order."""
    found = [finding for rule in ALL if (finding := apply(rule, facts))]
    return tuple(sorted(found, key=lambda finding: _ORDER[finding.severity]))


def can_emulate(facts: Facts) -> bool:
    """Whether a QEMU that runs here can emulate the extension; one that says no version may not."""
    found = qemu(facts)
    return bool(facts.arch in _EMULATED_DEPTH and found and version(found[1]))


def _switchable(broken: Finding | None) -> bool:
    return broken is not None and broken.code == "kvm.nested-disabled"


def _depth(facts: Facts, ready: bool, emulated: bool, broken: Finding | None) -> int | None:
    if ready:
        return _DEPTH.get(family(facts) or "")
    if emulated:
        return _EMULATED_DEPTH.get(facts.arch or "")
    if _runs_guests(facts):
        return 1
    return None if broken is None or broken.code == "kvm.unknown" else 0


def _runs_guests(facts: Facts) -> bool:
    """Whether KVM runs guests here, which get nothing to nest with."""
    if facts.kvm is None or not may_open(facts):
        return False
    if facts.kvm.guest_ran is not None:
        return facts.kvm.guest_ran
    return offers(facts) is False or is_software(facts) or runs_on_paper(facts) is True


def _sentence(
    facts: Facts,
    ready: bool,
    emulated: bool,
    broken: Finding | None,
    findings: tuple[Finding, ...],
) -> str:
    if ready:
        proof = next((each.what for each in findings if each.code == "kvm.proved"), None)
        how = proof or "as far as files tell; no guest was run to prove it"
        where = "; this machine itself is emulated" if is_emulated(facts) else ""
        return f"ready: {how}{where}"
    why = broken.what if broken else "the facts do not tell"
    if emulated:
        return f"ready, emulated only: {why}; QEMU (TCG) emulates what is missing"
    if broken is not None and broken.code == "kvm.unknown":
        names = ("cpu", "modules", "nested", "kvm")
        missing = ", ".join(name for name in names if getattr(facts, name) is None)
        return f"not ready: {why}" + (f" (not known: {missing})" if missing else "")
    return f"not ready: {why}"
