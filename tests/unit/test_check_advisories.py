"""Checks of kernel advisories and of the processor's flaws."""

import pytest

from check_cases import Strike, Strikes, check, content, each, look
from facts_examples import full, intel
from nestlab.check.advisories import TABLE, Advisory
from nestlab.facts.model import Facts


def running(advisory: Advisory, kernel: str, build: str = "") -> Facts:
    """A machine that the advisory concerns, with that kernel."""
    vendor = intel() if advisory.vendor == "vmx" else {}
    return full(**{**vendor, "kernel": kernel, "kernel_build": build})


def just_before(advisory: Advisory) -> str:
    """The last version of some stable series that has the flaw."""
    (major, minor), fixed = max(advisory.stable.items())
    return f"{major}.{minor}.{fixed - 1}"


STRIKES: Strikes = {
    **{
        f"advisory.{each.cve.lower()}": (
            Strike(running(each, just_before(each)), "warning", each.cve, "boot Linux"),
            Strike(
                running(each, just_before(each) + "-42-generic"),
                "info",
                each.cve,
                "security tracker",
            ),
        )
        for each in TABLE
    },
    "cpu.vulnerable": (
        Strike(
            full(
                vulnerabilities={
                    "mds": "Vulnerable: Clear CPU buffers attempted, no microcode",
                    "itlb_multihit": "KVM: Vulnerable",
                    "l1tf": "Mitigation: PTE Inversion; VMX: vulnerable",
                    "meltdown": "Mitigation: PTI",
                }
            ),
            "warning",
            "itlb_multihit, l1tf, mds",
            "microcode",
        ),
    ),
}


@pytest.mark.parametrize(("code", "strike"), each(STRIKES))
def test_it_strikes(code: str, strike: Strike) -> None:
    check(code, strike)


@pytest.mark.parametrize("code", STRIKES)
def test_a_good_machine_passes(code: str) -> None:
    assert content(code)


@pytest.mark.parametrize("advisory", TABLE, ids=lambda advisory: advisory.cve)
def test_a_mended_kernel_passes(advisory: Advisory) -> None:
    code = f"advisory.{advisory.cve.lower()}"
    fixed = [f"{major}.{minor}.{level}" for (major, minor), level in advisory.stable.items()]
    mainline = ".".join(map(str, advisory.mainline))
    for version in (*fixed, mainline):
        assert content(code, running(advisory, version)), version
    assert content(code, running(advisory, "", build=""))


@pytest.mark.parametrize("advisory", TABLE, ids=lambda advisory: advisory.cve)
def test_the_table_is_sound(advisory: Advisory) -> None:
    assert advisory.since < advisory.mainline
    for series in advisory.stable:
        assert advisory.since[:2] <= series < advisory.mainline[:2]


def test_another_vendor_and_nesting_off_are_not_concerned() -> None:
    code = "advisory.cve-2021-3656"
    assert not content(code, full(kernel="5.10.59"))
    assert content(code, full(**intel(kernel="5.10.59")))
    assert content(code, full(kernel="5.10.59", nested={"kvm_amd": "0"}, parameters={}))
    assert content(code, full(kernel="4.9.100"))  # older than the flaw
    assert not content(code, full(kernel="5.11.22"))  # a series that nobody mends


def test_debians_version_is_in_its_build() -> None:
    code = "advisory.cve-2026-43133"
    debian = "#1 SMP PREEMPT_DYNAMIC Debian {} (2026-01-01)"
    old = look(code, full(kernel="6.1.0-44-amd64", kernel_build=debian.format("6.1.140-1")))
    assert old is not None
    assert old.severity == "info"
    assert "Linux 6.1.140" in old.what
    assert content(code, full(kernel="6.1.0-50-amd64", kernel_build=debian.format("6.1.165-1")))


@pytest.mark.parametrize(
    "kernel", ["6.12.5-arch1-1", "6.12.5-200.fc41.x86_64", "6.12.5-gentoo", "6.12.5-0-lts"]
)
def test_distributions_that_follow_upstream_are_taken_at_their_word(kernel: str) -> None:
    found = look("advisory.cve-2026-43133", full(kernel=kernel))
    assert found is not None
    assert found.severity == "warning"
    assert found.remedy == "boot Linux 6.12.75 or later"
