"""QEMU and libvirt: there or not, and what their versions lack."""

from nestlab.check.remedy import install
from nestlab.check.rule import Rule, Seen, rule
from nestlab.check.versions import Version, version
from nestlab.facts.model import Facts

_QEMU_ARCH = {"arm64": "aarch64", "ppc64le": "ppc64", "i686": "i386"}


def qemu(facts: Facts) -> tuple[str, str] | None:
    """Name and version of the QEMU for this machine's own architecture; the version may be ''."""
    arch = facts.arch or "x86_64"
    for name in (f"qemu-system-{_QEMU_ARCH.get(arch, arch)}", "qemu-kvm"):
        if facts.tools is not None and name in facts.tools:
            return name, facts.tools[name]
    return None


def _qemu_version(facts: Facts) -> Version | None:
    found = qemu(facts)
    return version(found[1]) if found else None


@rule(
    "qemu.missing",
    meaning="There is no QEMU for this machine's architecture.",
    why="KVM is only half of it: QEMU makes the machine that a guest sees.",
    remedy="Install it with the distribution's package manager.",
    source="QEMU documentation: supported host architectures; the distributions' packages",
)
def qemu_missing(facts: Facts) -> Seen | None:
    """qemu-system-ARCH, or qemu-kvm where a distribution hides it."""
    if facts.tools is None:
        return None
    found = qemu(facts)
    if found is None:
        return Seen("warning", "there is no QEMU for this architecture", install(facts, "qemu"))
    return Seen("ok", f"{found[0]} {found[1]}".strip())


@rule(
    "qemu.old",
    meaning="QEMU is older than 5.0.",
    why="It has no aio=io_uring, and for nesting it lacks years of fixes.",
    remedy="Use a newer release of the distribution, or its backports.",
    source="QEMU 5.0 changelog: aio=io_uring",
)
def qemu_old(facts: Facts) -> Seen | None:
    """By the version that it says."""
    number = _qemu_version(facts)
    if number is None or number >= (5, 0, 0):
        return None
    return Seen("warning", f"QEMU {_said(facts)} is older than 5.0", "use a newer QEMU")


@rule(
    "qemu.no-iothread-mapping",
    meaning="QEMU is older than 9.0, which maps IOThreads to virtqueues.",
    why="Before it all queues of a disk share one IOThread: storage of a guest does not scale.",
    remedy="Use QEMU 9.0 or later for iothread-vq-mapping.",
    source="QEMU 9.0 changelog: virtio-blk iothread-vq-mapping",
)
def no_iothread_mapping(facts: Facts) -> Seen | None:
    """A hint for tuning."""
    number = _qemu_version(facts)
    if number is None:
        return None
    if number >= (9, 0, 0):
        return Seen("ok", f"QEMU {_said(facts)} maps IOThreads to virtqueues")
    return Seen("info", f"QEMU {_said(facts)} gives a disk one IOThread only")


@rule(
    "qemu.tcg-svm",
    meaning="QEMU 7.2 emulates SVM, but now and then a deep guest is lost on the way up.",
    why="About one chain in thirty did not come up when nestlab measured it.",
    remedy="Let nestlab start the chain again, or use a newer QEMU.",
    source="nestlab: docs/how-to/when-a-guest-stops.md",
)
def tcg_svm(facts: Facts) -> Seen | None:
    """It matters only where TCG emulates, on x86."""
    number = _qemu_version(facts)
    if number is None or number[:2] != (7, 2) or facts.arch not in {"x86_64", None}:
        return None
    return Seen("info", "QEMU 7.2 under TCG loses a deep guest now and then (KVM is not concerned)")


@rule(
    "libvirt.missing",
    meaning="libvirt is not there.",
    why="nestlab starts guests without it; virt-install and OpenStack need it.",
    remedy="Install it if you use them.",
    source="the distributions' packages",
)
def libvirt_missing(facts: Facts) -> Seen | None:
    """Neither its daemon nor virsh."""
    if facts.tools is None:
        return None
    if {"libvirtd", "virtqemud", "virsh"} & facts.tools.keys():
        return Seen("ok", f"libvirt {facts.tools.get('libvirtd', '')}".strip() + " is there")
    return Seen("info", "libvirt is not installed", install(facts, "libvirt"))


@rule(
    "libvirt.no-iothread-mapping",
    meaning="libvirt is older than 10.0, which maps IOThreads to virtqueues.",
    why="Its guests cannot use what QEMU 9.0 can, so that their storage does not scale.",
    remedy="Use libvirt 10.0 or later, or QEMU directly.",
    source="libvirt 10.0.0 release notes: iothread to virtqueue mapping",
)
def libvirt_no_mapping(facts: Facts) -> Seen | None:
    """By the version of libvirtd."""
    number = version((facts.tools or {}).get("libvirtd", ""))
    if number is None or number >= (10, 0, 0):
        return None
    said = (facts.tools or {})["libvirtd"]
    return Seen("info", f"libvirt {said} gives a disk of a guest one IOThread only")


def _said(facts: Facts) -> str:
    found = qemu(facts)
    return found[1] if found else ""


RULES: tuple[Rule, ...] = (
    qemu_missing, qemu_old, no_iothread_mapping, tcg_svm, libvirt_missing, libvirt_no_mapping,
)  # fmt: skip
