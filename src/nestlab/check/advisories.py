"""Kernel advisories for nested KVM, and flaws of the processor that concern guests."""

from dataclasses import dataclass
from typing import Literal

from nestlab.check.links import extension, nested_on
from nestlab.check.rule import Rule, Seen, rule
from nestlab.check.versions import Version, follows_upstream, kernel_version, shown
from nestlab.facts.model import Facts


@dataclass(frozen=True)
class Advisory:
    """One CVE.

    since     the first version that has the flaw
    mainline  the first version of Linus Torvalds' tree without it
    stable    in a stable series (major, minor): the first patch level without it; a series below
              `mainline` that is not listed was never mended
    """

    cve: str
    vendor: Literal["vmx", "svm"]
    what: str
    since: Version
    mainline: Version
    stable: dict[tuple[int, int], int]

    def affects(self, kernel: Version) -> bool:
        """Whether a kernel of that upstream version has the flaw."""
        if kernel < self.since or kernel >= self.mainline:
            return False
        fixed = self.stable.get((kernel[0], kernel[1]))
        return fixed is None or kernel[2] < fixed


# Versions: the CVE records (CVEProject/cvelistV5) and, for those without versions, the stable
# series' lists in nluedtke/linux_kernel_cves. Only what could be looked up there is listed.
TABLE: tuple[Advisory, ...] = (
    Advisory(
        "CVE-2018-12904", "vmx", "a guest's user programs may run VMX instructions",
        (4, 12, 0), (4, 18, 0), {(4, 14): 50, (4, 16): 16, (4, 17): 2},
    ),
    Advisory(
        "CVE-2018-16882", "vmx", "use after free in nested posted interrupts",
        (4, 14, 0), (4, 20, 0), {(4, 14): 91, (4, 19): 13},
    ),
    Advisory(
        "CVE-2019-3887", "vmx", "L1 can reach L0's x2APIC registers and hang the host",
        (4, 16, 0), (5, 1, 0), {(4, 19): 35, (5, 0): 8},
    ),
    Advisory(
        "CVE-2019-7221", "vmx", "use after free of the emulated preemption timer",
        (0, 0, 0), (5, 0, 0),
        {(3, 16): 64, (3, 18): 135, (4, 4): 175, (4, 9): 156, (4, 14): 99, (4, 19): 21,
         (4, 20): 8},
    ),
    Advisory(
        "CVE-2019-7222", "vmx", "kernel stack leaks to a guest through nested VMX instructions",
        (0, 0, 0), (5, 0, 0),
        {(3, 16): 64, (3, 18): 135, (4, 4): 175, (4, 9): 156, (4, 14): 99, (4, 19): 21,
         (4, 20): 8},
    ),
    Advisory(
        "CVE-2020-2732", "vmx", "L2 can reach resources of L1 that L1 intercepts",
        (0, 0, 0), (5, 6, 0),
        {(3, 16): 83, (4, 4): 215, (4, 9): 215, (4, 14): 172, (4, 19): 107, (5, 4): 23,
         (5, 5): 7},
    ),
    Advisory(
        "CVE-2021-29657", "svm", "a guest that nests can reach the host's MSRs (escape)",
        (5, 10, 0), (5, 12, 0), {(5, 10): 28, (5, 11): 12},
    ),
    Advisory(
        "CVE-2021-3653", "svm", "L1 can give AVIC to L2, which then writes host memory",
        (0, 0, 0), (5, 14, 0),
        {(4, 4): 282, (4, 9): 281, (4, 14): 245, (4, 19): 205, (5, 4): 142, (5, 10): 60,
         (5, 13): 12},
    ),
    Advisory(
        "CVE-2021-3656", "svm", "L2 can read and write host memory with VMLOAD and VMSAVE",
        (4, 13, 0), (5, 14, 0),
        {(4, 14): 245, (4, 19): 205, (5, 4): 142, (5, 10): 60, (5, 13): 12},
    ),
    Advisory(
        "CVE-2022-2196", "vmx", "L2 can attack L1 by Spectre v2, as no IBPB is done between them",
        (5, 8, 0), (6, 2, 0), {(5, 10): 170, (5, 15): 96, (6, 1): 14},
    ),
    Advisory(
        "CVE-2022-3344", "svm", "a guest that nests can crash the host at shutdown",
        (0, 0, 0), (6, 1, 0), {(5, 15): 81, (6, 0): 11},
    ),
    Advisory(
        "CVE-2023-30456", "vmx", "checks of CR0 and CR4 are missing for nested guests",
        (0, 0, 0), (6, 3, 0),
        {(4, 19): 281, (5, 4): 238, (5, 10): 176, (5, 15): 104, (6, 1): 21, (6, 2): 8},
    ),
    Advisory(
        "CVE-2026-43133", "svm", "VMLOAD and VMSAVE of L2 work on the wrong control block",
        (5, 13, 0), (7, 0, 0),
        {(5, 15): 202, (6, 1): 165, (6, 6): 128, (6, 12): 75, (6, 18): 16, (6, 19): 6},
    ),
    Advisory(
        "CVE-2026-64562", "vmx", "use after free of the shadow VMCS when nesting ends",
        (4, 9, 0), (7, 2, 0),
        {(5, 10): 265, (5, 15): 216, (6, 1): 183, (6, 6): 148, (6, 12): 101, (6, 18): 42,
         (7, 1): 6},
    ),
    Advisory(
        "CVE-2026-89932", "vmx", "L2 may use stale translations of another guest",
        (0, 0, 0), (7, 3, 0),
        {(5, 15): 221, (6, 1): 188, (6, 6): 157, (6, 12): 110, (6, 18): 51, (7, 2): 5},
    ),
)  # fmt: skip


def _rule_for(advisory: Advisory) -> Rule:
    vendor = "Intel" if advisory.vendor == "vmx" else "AMD"

    @rule(
        f"advisory.{advisory.cve.lower()}",
        meaning=f"{advisory.cve}, {vendor}: {advisory.what}.",
        why="Whoever controls a guest that nests may get out of it, or harm the host.",
        remedy=f"Boot Linux {shown(advisory.mainline)} or later, or a mended stable version.",
        source=f"{advisory.cve} (cve.org); nluedtke/linux_kernel_cves",
    )
    def look(facts: Facts) -> Seen | None:
        kernel = kernel_version(facts)
        if kernel is None or extension(facts) != advisory.vendor or nested_on(facts) is False:
            return None
        if not advisory.affects(kernel):
            return None
        fixed = advisory.stable.get((kernel[0], kernel[1]))
        target = shown((*kernel[:2], fixed) if fixed else advisory.mainline)
        what = f"Linux {shown(kernel)} is older than the fix of {advisory.cve}: {advisory.what}"
        if follows_upstream(facts):
            return Seen("warning", what, f"boot Linux {target} or later")
        return Seen(
            "info",
            f"{what}; this distribution may have mended it under the same number",
            f"look {advisory.cve} up in your distribution's security tracker",
        )

    return look


@rule(
    "cpu.vulnerable",
    meaning="The kernel says that a flaw of the processor is open.",
    why="Guests could read or crash what is not theirs; a guest that nests has more ways to do so.",
    remedy="Update microcode and kernel; do not boot with mitigations=off.",
    source="Linux Documentation/admin-guide/hw-vuln: l1tf.rst, multihit.rst and others",
)
def vulnerable(facts: Facts) -> Seen | None:
    """Words such as `Vulnerable`, `KVM: Vulnerable`, `…; VMX: vulnerable`."""
    if not facts.vulnerabilities:
        return None
    flawed = sorted(name for name, said in facts.vulnerabilities.items() if _open(said))
    if not flawed:
        return Seen("ok", "the kernel mitigates every known flaw of the processor")
    return Seen(
        "warning",
        f"open flaws of the processor: {', '.join(flawed)}",
        "update the microcode and the kernel; take `mitigations=off` off the kernel command line",
    )


def _open(said: str) -> bool:
    return said.startswith(("Vulnerable", "KVM: Vulnerable")) or "VMX: vulnerable" in said


RULES: tuple[Rule, ...] = (vulnerable, *(_rule_for(each) for each in TABLE))
